"""Cross-validation: a learner's training done once a fold, each on the rows outside of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from headway.data.dataset import Data
from headway.data.rebuild import refitted
from headway.data.splits import RecordedSplit, TimeSplit
from headway.errors import ConfigError
from headway.judge.intervals import INTERVAL, Estimate, student
from headway.judge.metric import TaskMetrics

__all__ = ["CrossValidation", "fold_data"]


@dataclass(frozen=True)
class CrossValidation:
    """What cross-validation found.

    Attributes:
        folds: The metrics of each fold, by name.
        metrics: Their mean over the folds, each with its 95 % interval.
        main: The name of the main metric.

    Source:
        Nadeau and Bengio 2003, "Inference for the generalization error": folds share most of their training rows, so
        the variance of their mean is larger than that of independent ones, by the share of rows judged to rows trained.
    """

    folds: Sequence[Mapping[str, float]]
    metrics: Mapping[str, Estimate]
    main: str

    @classmethod
    def of(cls, folds: Sequence[Mapping[str, float]], metrics: TaskMetrics) -> CrossValidation:
        """From the folds' metrics."""
        shares = {name for name, metric in metrics.metrics.items() if metric.is_share}
        means = {name: _mean([fold[name] for fold in folds], is_share=name in shares) for name in folds[0]}
        return cls(folds, means, metrics.main)

    def to_frame(self) -> pl.DataFrame:
        """A row a fold, a column a metric."""
        return pl.DataFrame([{"fold": number, **fold} for number, fold in enumerate(self.folds, start=1)])

    def __repr__(self) -> str:
        return f"CrossValidation({len(self.folds)} folds, {self.main} {self.metrics[self.main]})"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{name}</td><td>{estimate}</td></tr>" for name, estimate in self.metrics.items())
        return f"<table><tr><th>{len(self.folds)} folds</th><th>mean and {INTERVAL}</th></tr>{rows}</table>"


def _mean(values: Sequence[float], *, is_share: bool) -> Estimate:
    """The mean over folds with the corrected t interval; NaN where a fold has none."""
    count, mean = len(values), float(np.mean(values))
    # With k folds as many rows are judged to rows trained as 1 to k - 1.
    error = float(np.std(values, ddof=1)) * (1 / count + 1 / (count - 1)) ** 0.5
    half = student(count - 1) * error
    low, high = mean - half, mean + half
    return Estimate(mean, max(low, 0.0), min(high, 1.0)) if is_share else Estimate(mean, low, high)


def fold_data(data: Data, folds: int, *, seed: int) -> list[Data]:
    """A data set for each fold: the fold's rows as valid, the others as train, the fields fitted on these.

    Classes keep their shares, identical items and groups are in one fold; where the data were split by time, each
    fold is judged on rows that come after those it learns from. Test rows are left alone.

    Raises:
        ConfigError: If `folds` is below 2, or there are not that many groups.
    """
    if type(folds) is not int or folds < 2:
        raise ConfigError("`folds` must be a whole number from 2.", given=f"folds={folds!r}", fix="Leave it out for 5.")
    items = data.items.filter(pl.col("split") != "test")
    return [_fold(data, items, *positions) for positions in _splits(data, items, folds, seed=seed)]


def _splits(data: Data, items: pl.DataFrame, folds: int, *, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Positions of the rows that train and of those that judge, for each fold."""
    from sklearn.model_selection import StratifiedGroupKFold, TimeSeriesSplit

    if isinstance(data.split, TimeSplit):
        # Rows of the same time are never on both sides.
        times, when = np.unique(items[data.split.column].to_numpy(), return_inverse=True)
        if len(times) <= folds:
            raise _too_few(folds, f"{len(times)} different times")
        until = data.split.until
        # Nor does one of the past reach beyond the first time that judges it.
        ends = np.searchsorted(times, items[until].to_numpy()) if until else when
        parts = TimeSeriesSplit(folds).split(times)
        return [(np.flatnonzero(ends < next[0]), np.flatnonzero(np.isin(when, next))) for _, next in parts]
    # Without groups identical items are one: a copy in another fold would be known by heart.
    groups = items[data.split.groups or "content"].to_numpy()
    if len(set(groups.tolist())) < folds:
        raise _too_few(folds, f"{len(set(groups.tolist()))} groups")
    strata = data.target.strata(items) if data.target.strata_name else [""] * len(items)
    # scikit-learn takes seeds of 32 bits.
    cross = StratifiedGroupKFold(folds, shuffle=True, random_state=seed % 2**32)
    return list(cross.split(groups, np.array(strata), groups))


def _too_few(folds: int, available: str) -> ConfigError:
    what = "There are too few rows to divide into folds."
    return ConfigError(what, given=f"folds={folds}, {available}", fix="Pass fewer folds.")


def _fold(data: Data, items: pl.DataFrame, train: np.ndarray, valid: np.ndarray) -> Data:
    parts = np.full(len(items), "", dtype=object)
    # Of a split by time the rows that come after a fold are on neither side.
    parts[train], parts[valid] = "train", "valid"
    items = items.with_columns(pl.Series("split", parts.tolist(), dtype=pl.String))
    return refitted(data, items.filter(pl.col("split") != ""), split=RecordedSplit("fold of a cross-validation"))
