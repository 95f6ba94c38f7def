"""A trained model, and what is known of how it was made: what reports, ensembles and bundles start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from headway.data.dataset import Data, Part, PartName, part_with_rows
from headway.errors import ConfigError
from headway.judge.metric import TaskMetrics
from headway.predictions import Predictions
from headway.train.body_features import known_features
from headway.train.history import History
from headway.train.stage import Setup
from headway.train.stage_one import Features

__all__ = ["TrainedModel"]


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A model and what is known of how it was made."""

    setup: Setup
    metrics: TaskMetrics
    history: History
    # The frozen body's features as stage one computed them; None where there was no stage one.
    all_features: Features | None
    # What decides the run, as plain values.
    settings: Mapping[str, Any]
    folder: Path | None

    @property
    def data(self) -> Data:
        """The data set."""
        return self.setup.data

    @property
    def has_curve(self) -> bool:
        """Whether a learning curve can be drawn: there are features, and the kind of target has one."""
        return self.features is not None and self.data.target.learning_curve() is not None

    @property
    def features(self) -> Features | None:
        """The frozen body's features of the items that can still be read."""
        return self.all_features.left(self.data) if self.all_features else None

    @property
    def judged(self) -> list[PartName]:
        """The parts that the model did not learn from."""
        return [name for name in self.data.parts if name != "train"]

    def predictions(self, name: PartName) -> Predictions:
        """The model's predictions for a part, computed once.

        Raises:
            ConfigError: If there is no such part, or it has no rows.
        """
        part = self.part(name)
        # A report, its diagnosis and its page ask for the same part again and again.
        if name not in self._predictions:
            self._predictions[name] = self.predict(part)
        return self._predictions[name]

    def predict(self, part: Part) -> Predictions:
        """The model's predictions for some of the items, with what else is known of them."""
        predictions = self.setup.predict(part, features=known_features(self.setup, part))
        return replace(predictions, items=self.described(part.left().items.select(pl.exclude(pl.Object))))

    def described(self, items: pl.DataFrame) -> pl.DataFrame:
        """Items with what the kind of input knows of them; of a name that both have, the user's column stays."""
        known = self.data.input.properties(items)
        return items.with_columns(pl.Series(name, known[name]) for name in known if name not in items.columns)

    def explorer(self, name: str) -> Any:
        """What the kind of input offers to look into a model by, such as "interpret".

        Raises:
            ConfigError: If it offers nothing of that name.
        """
        offered = self.data.input.explorers(self.setup)
        if name not in offered:
            others = " or ".join(f"`learner.{other}()`" for other in (*offered, "report"))
            what, fix = f"`learner.{name}()` is not available for this kind of input.", f"Look at {others} instead."
            raise ConfigError(what, given=str(self.data.input), fix=fix)
        return offered[name]

    def part(self, name: PartName) -> Part:
        """A part that has rows.

        Raises:
            ConfigError: If there is no such part, or it has none.
        """
        return part_with_rows(self.data, name)

    @cached_property
    def _predictions(self) -> dict[PartName, Predictions]:
        return {}
