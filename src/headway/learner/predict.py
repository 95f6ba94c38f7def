"""Predictions for new items by the model in this process, read and answered as a bundle's are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from headway.bundle.predictor import Predictor
from headway.data.dataset import PartName
from headway.errors import ConfigError
from headway.inputs.base import Step
from headway.seeds import generator
from headway.system.figures import new_figure
from headway.train.predictions import predict_arrays, step_of
from headway.train.stage import Setup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["in_process", "show_results"]


def in_process(setup: Setup) -> Predictor:
    """A predictor that runs a model of torch's instead of a graph."""
    field = setup.data.input
    # It has no session: `_run` is all that a predictor does with one.
    return _InProcess(manifest={}, input=field, target=setup.data.target, session=cast(Any, None), setup=setup)


@dataclass(frozen=True, kw_only=True)
class _InProcess(Predictor):
    setup: Setup

    def _run(self, inputs: np.ndarray, *, seconds: float | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        return predict_arrays(self.setup, inputs), None

    def _step(self, seconds: float | None) -> Step | None:
        return step_of(self.setup)


def show_results(setup: Setup, n: int, *, part: PartName) -> Figure:
    """A figure of items of a part, the same each time; a kind without pictures writes the item as text."""
    rows = setup.data.part(part)
    if n < 1 or not len(rows):
        given = f"n={n}, {part} with {len(rows)} rows"
        raise ConfigError("There is nothing to show.", given=given, fix="Pass n=9 and a part that has rows.")
    # The same items each time, so that two figures can be compared.
    chosen = np.sort(generator(0, "order").permutation(len(rows))[:n]).tolist()
    items, data = rows.items[chosen], setup.data
    values = items[data.input.column].to_list() if data.input.source == "file" else items.to_dicts()
    answers = list(in_process(setup).predict_many(values))
    truths = data.target.values(items)
    columns = min(len(chosen), max(3, round(len(chosen) ** 0.5)))
    figure, places = new_figure(columns=columns, rows=-(-len(chosen) // columns), width=2.6, height=2.8)
    for axes in places:
        axes.set_axis_off()
    # The panels beyond the items stay empty.
    for axes, value, answer, truth in zip(places, values, answers, truths, strict=False):
        data.input.draw(axes, value)
        score = "" if answer.score is None else f" {answer.score:.2f}"
        is_wrong = bool(answer.probabilities) and answer.label != truth
        title = f"{answer.label}{score}\ntrue: {truth}"
        axes.set_title(title, parse_math=False, fontsize=9, color="C3" if is_wrong else "black")
    return figure
