"""Throws of two dice: an item is a text such as "3-5 1-6 2-2", as many throws as there are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from headway.errors import ReadError
from headway.inputs.base import Input
from headway.inputs.protocols import Column
from headway.judge.baselines.base import Baseline, on
from headway.judge.report.report import Report, Section
from headway.targets.base import Target

if TYPE_CHECKING:
    import polars as pl

    from headway.train.model import Model

__all__ = ["Dice"]


@dataclass(frozen=True)
class Dice(Input):
    """A column of throws, each two whole numbers from 1 to 6; 0 pads shorter items in a batch."""

    column: str
    source = "values"
    dtype = np.int64
    axes = ("throws*", "dice")
    noun: ClassVar[str] = "game"
    nouns: ClassVar[str] = "games"

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (None, 2)

    def fit(self, rows: pl.DataFrame) -> Self:
        return self

    def read(self, value: Any) -> np.ndarray:
        """One item, int64 `[throws, 2]`."""
        if not isinstance(value, str) or not re.fullmatch(r"\s*[1-6]-[1-6](\s+[1-6]-[1-6])*\s*", value):
            message = f"not throws of two dice such as '3-5 1-6': {value!r}"
            raise ReadError(message)
        return np.array([[int(number) for number in throw.split("-")] for throw in value.split()], dtype=np.int64)

    # Serving.

    def form(self) -> tuple[Column, ...]:
        return (Column(name=self.column, kind="text", typical="3-5 1-6"),)

    def statistics(self, array: np.ndarray) -> dict[str, float]:
        return {"throws": float(len(array)), "mean": float(array.mean())}

    # Training.

    @classmethod
    def architectures(cls) -> list[str]:
        return ["deep_set"]

    def build_model(self, arch: str | None, target: Target, *, pretrained: bool) -> Model:
        from headway.train.model import Model
        from headway.train.recipe import Recipe
        from tests.meta.dice.models import DeepSet

        return Model(DeepSet(target.num_outputs), recipe=Recipe(min_epochs=10, max_epochs=10), arch="deep_set")

    # Judging.

    def baselines(self, target: Target) -> dict[str, Baseline]:
        from tests.meta.dice.baselines import on_faces

        return {"logistic regression on faces": on("faces", on_faces)}

    def baseline_arrays(self, part: Any, *, seed: int) -> tuple[Any, dict[str, np.ndarray], dict[str, Any]]:
        part = part.left()
        faces = [np.bincount(self.read(value).ravel(), minlength=7)[1:] for value in part.items[self.column]]
        shares = np.stack([counts / counts.sum() for counts in faces]).astype(np.float32)
        return part, {"faces": shares}, {}

    def report_sections(self, setup: Any, report: Report) -> dict[str, Section]:
        longest = max(setup.data.valid.items[self.column], key=len)
        html = f"<p>{escape(longest)}</p>"
        return {
            "longest_game": Section("The longest game", longest, lambda _, __: html, card=f"Longest game: {longest}.")
        }

    # As JSON.

    def to_json(self) -> dict[str, Any]:
        return {"kind": "dice", "column": self.column}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(values["column"])

    def __str__(self) -> str:
        return f"Dice({self.column!r})"
