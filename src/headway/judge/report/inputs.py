"""What a report is made of: what a model gave for parts of the data, and what is known beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from headway.data.near_copies import Copies
from headway.errors import ConfigError
from headway.judge.baselines.run import BaselineResult
from headway.judge.fairness.learned import Learned
from headway.judge.metric import TaskMetrics
from headway.judge.report.report import RunFacts
from headway.judge.verdict import Verdict, best_baseline, verdict, verdict_part
from headway.predictions import LayerActivity, Predictions
from headway.targets.base import Target

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ReportInputs", "checked_predictions"]

Found = TypeVar("Found")


def checked_predictions(
    predictions: np.ndarray,
    targets: np.ndarray,
    *,
    metrics: TaskMetrics,
    rows: np.ndarray | None = None,
    items: pl.DataFrame | None = None,
) -> Predictions:
    """A model's predictions for one part, checked; without `rows` the items are numbered as they come.

    Raises:
        ShapeError: If the arrays do not fit together.
        DataError: If they do not hold what the target's metrics need.
    """
    metrics.check(predictions, targets)
    # Kept as they came, since metrics of pictures take counts of them; a plain list of numbers becomes a column.
    predictions, targets = np.asarray(predictions), np.asarray(targets)
    if predictions.ndim == 1:
        predictions, targets = predictions[:, None], targets[:, None]
    rows = np.arange(len(targets)) if rows is None else rows
    return Predictions(rows=rows, predictions=predictions, targets=targets, items=items)


@dataclass(frozen=True, kw_only=True)
class ReportInputs(RunFacts):
    """All that a report can be made of. Only `target`, `metrics` and `parts` must be there.

    Attributes:
        target: What was predicted; its kind brings metrics, sections and findings.
        metrics: How predictions are judged: those of the target, and a user's own.
        parts: What the model gave, by part ("valid", "test"); with `items`, where something else is known of them.
        baselines: What simple models gave for the same parts.
        train: For some training items, without augmentation.
        held_out: For training items, by models that were trained without them: label errors among these can be found,
            which the model itself has learned by heart.
        activity: What the model's layers give.
        slices: Columns of the parts' items by whose values every metric is given.
        groups: Columns of the parts' items whose groups of people are compared: who is selected, who gets the errors.
        learned: What the model learned from, for what is said of groups; None where that is not known.
        clusters: By part, which items belong together, int64 `[items]`: intervals and tests count these, not items.
        search: Columns among which the worst groups are looked for; all of them when None.
        tries: What to try that only the kind of input has, by the kind of finding.
        copies: Items of the parts that are nearly the same as training items.
        seed: The run's seed, for the resampling.

    Raises:
        ConfigError: If there are slices or groups without items.
    """

    target: Target
    metrics: TaskMetrics
    parts: Mapping[str, Predictions]
    baselines: Sequence[BaselineResult] = ()
    train: Predictions | None = None
    held_out: Predictions | None = None
    activity: Sequence[LayerActivity] = ()
    slices: Sequence[str] = ()
    groups: Sequence[str] = ()
    learned: Learned | None = None
    clusters: Mapping[str, np.ndarray] = field(default_factory=dict)
    search: Sequence[str] | None = None
    tries: Mapping[str, Sequence[str]] = field(default_factory=dict)
    copies: Sequence[Copies] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        assert self.parts
        assert all(part in baseline.predictions for part in self.parts for baseline in self.baselines)
        asked = {"slices": self.slices, "groups": self.groups}
        if any(asked.values()) and any(part.items is None for part in self.parts.values()):
            what = "Slices and groups are made of the items' columns."
            given = ", ".join(f"{name}={columns!r}" for name, columns in asked.items() if columns)
            raise ConfigError(what, given=f"{given}, no items", fix="Pass `items`.")

    def once(self, compute: Callable[[ReportInputs], Found]) -> Found:
        """What a function makes of these inputs, computed once: the report shows what the diagnosis rests on."""
        if compute not in self._found:
            self._found[compute] = compute(self)
        return self._found[compute]

    def against_baselines(self, part: str, *, pretrained: bool = True) -> Verdict | None:
        """The model beside the best baseline on a part; None where there is no baseline.

        Without `pretrained`, beside the best of those that do not look at the pretrained network's features; None where
        that would be the same.
        """
        baselines = [baseline for baseline in self.baselines if pretrained or baseline.needs != "features"]
        if not baselines or (not pretrained and len(baselines) == len(self.baselines)):
            return None
        judged, key = self.parts[part], (part, pretrained)
        # The diagnosis and the verdict are mostly on the same part, and resampling takes most of a report's time.
        if key not in self._verdicts:
            options = {"part": part, "metrics": self.metrics, "seed": self.seed, "groups": self.clusters.get(part)}
            self._verdicts[key] = verdict(judged.predictions, judged.targets, baselines, **options)
        return self._verdicts[key]

    @cached_property
    def _found(self) -> dict[Callable[[ReportInputs], Any], Any]:
        return {}

    @cached_property
    def _verdicts(self) -> dict[tuple[str, bool], Verdict]:
        return {}

    @property
    def labels(self) -> list[str]:
        """The names of the outputs; empty where they have none."""
        return list(self.target.labels)

    @cached_property
    def main(self) -> str:
        """The part that the verdict and the slices are on: "test" where there is one, else "valid", else the first."""
        return verdict_part(self.parts)

    @cached_property
    def focus(self) -> str:
        """The part whose single items are shown: "valid" where there is one, so that test stays unseen."""
        return "valid" if "valid" in self.parts else self.main

    @property
    def judged(self) -> Predictions:
        """The predictions for the part that the verdict is on."""
        return self.parts[self.main]

    @property
    def seen(self) -> Predictions:
        """The predictions for the part whose single items are shown."""
        return self.parts[self.focus]

    @cached_property
    def best(self) -> BaselineResult | None:
        """The best baseline on `focus`; None where none was run."""
        if not self.baselines:
            return None
        return best_baseline(self.baselines, self.seen.targets, part=self.focus, metrics=self.metrics)[0]
