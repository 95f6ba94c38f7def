"""A trained model, and what is known of how it was made: what reports, ensembles and bundles start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from headway.data.dataset import Data, Part, PartName, part_with_rows
from headway.judge.metric import TaskMetrics
from headway.predictions import Predictions
from headway.train.fine_tune import Features
from headway.train.history import History
from headway.train.stage import Setup

__all__ = ["TrainedModel"]


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A model and what is known of how it was made.

    Attributes:
        setup: Data, model, and how it is run.
        metrics: How its predictions are judged.
        history: What happened in training.
        features: The frozen body's features, where stage one was.
        settings: What decides the run, as plain values.
        folder: The run's folder; None without one.
    """

    setup: Setup
    metrics: TaskMetrics
    history: History
    features: Features | None
    settings: Mapping[str, Any]
    folder: Path | None

    @property
    def data(self) -> Data:
        """The data set."""
        return self.setup.data

    @property
    def has_curve(self) -> bool:
        """Whether a learning curve can be drawn: there are features, and the kind of target has one."""
        return self.kept is not None and self.data.target.learning_curve() is not None

    @property
    def kept(self) -> Features | None:
        """The features, as long as every item that they are of can still be read."""
        parts = self.features.parts if self.features else {}
        fits = all(len(parts[name]) == len(self.data.part(name)) for name in self.data.parts if name in parts)
        return self.features if fits else None

    @property
    def judged(self) -> list[PartName]:
        """The parts that the model did not learn from."""
        return [name for name in self.data.parts if name != "train"]

    def predictions(self, name: PartName) -> Predictions:
        """The model's predictions for a part, computed once.

        Raises:
            ConfigError: If there is no such part, or it has no rows.
        """
        if name not in self._predictions:
            self._predictions[name] = self.predict(self.part(name))
        return self._predictions[name]

    def predict(self, part: Part) -> Predictions:
        """The model's predictions for some of the items, with what else is known of them."""
        found = self.setup.predict(part)
        return replace(found, items=part.left().items.select(pl.exclude(pl.Object)))

    def part(self, name: PartName) -> Part:
        """A part that has rows.

        Raises:
            ConfigError: If there is no such part, or it has none.
        """
        return part_with_rows(self.data, name)

    @cached_property
    def _predictions(self) -> dict[PartName, Predictions]:
        return {}
