"""A trained model, and what is known of how it was made: what reports, ensembles and bundles start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headway.data.dataset import Data, PartName
from headway.train.fine_tune import Features
from headway.train.history import History
from headway.train.stage import Setup

__all__ = ["Trained"]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model and what is known of how it was made.

    Attributes:
        setup: Data, model, and how it is run.
        history: What happened in training.
        features: The frozen body's features, where stage one was.
        settings: What decides the run, as plain values.
        folder: The run's folder; None without one.
    """

    setup: Setup
    history: History
    features: Features | None
    settings: Mapping[str, Any]
    folder: Path | None

    @property
    def data(self) -> Data:
        """The data set."""
        return self.setup.data

    @property
    def task(self) -> str:
        """The kind of target."""
        return self.data.target.task

    @property
    def labels(self) -> list[str]:
        """The classes, in the order of the model's outputs; empty where outputs have no names."""
        return list(self.data.target.labels)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The probability from which each label is given, where an item can have several."""
        return getattr(self.data.target, "thresholds", ())

    @property
    def has_curve(self) -> bool:
        """Whether a learning curve can be drawn: there are features, and classes to draw it for."""
        return self.kept is not None and self.task == "classification"

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
