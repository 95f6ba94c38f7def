"""Simple models of series: the nearest training series by two distances, and boosting on summary statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from headway.judge.baselines.base import Baseline, BaselineData
from headway.seeds import generator

__all__ = ["BASELINES", "dtw_distances", "euclidean_distances", "summary_statistics"]

# Warping may shift a moment by so much of the length.
_BAND = 0.1
# Of warping, which compares each pair moment by moment: moments a series, and training rows, at most.
_WARPED_LENGTH = 100
_WARPED_ROWS = 500

Distances = Callable[[np.ndarray, np.ndarray], np.ndarray]


def summary_statistics(series: np.ndarray) -> np.ndarray:
    """What can be said of each channel without its order, and of its changes: float32 `[items, channels * 17]`.

    Mean, spread, the 0th, 10th, 25th, 50th, 75th, 90th and 100th percentile, skew, kurtosis, mean absolute change,
    spread of changes, crossings of the mean, the autocorrelation at 1 and at a tenth of the length, and the first's and
    the last fifth's means.

    Args:
        series: float32 `[items, channels, length]`.
    """
    mean, spread = series.mean(2), series.std(2)
    scaled = (series - mean[..., None]) / (spread[..., None] + 1e-8)
    changes, fifth, tenth = np.diff(series, axis=2), max(series.shape[2] // 5, 1), max(series.shape[2] // 10, 1)
    columns = [
        mean,
        spread,
        *np.percentile(series, [0, 10, 25, 50, 75, 90, 100], axis=2),
        (scaled**3).mean(2),
        (scaled**4).mean(2),
        np.abs(changes).mean(2),
        changes.std(2),
        (np.diff(np.signbit(scaled), axis=2) != 0).mean(2),
        (scaled[..., 1:] * scaled[..., :-1]).mean(2),
        (scaled[..., tenth:] * scaled[..., :-tenth]).mean(2),
        series[..., -fifth:].mean(2) - series[..., :fifth].mean(2),
    ]
    return np.stack(columns, axis=2).reshape(len(series), -1).astype(np.float32)


def euclidean_distances(items: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Squared distances `[items, others]` of series `[..., channels, length]`."""
    flat, other = items.reshape(len(items), -1), others.reshape(len(others), -1)
    return (flat**2).sum(1)[:, None] - 2 * flat @ other.T + (other**2).sum(1)


def dtw_distances(items: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The same with time warped within a tenth of the length, all channels alike.

    Source:
        Sakoe and Chiba 1978, "Dynamic programming algorithm optimization for spoken word recognition".
    """
    shorten = max(items.shape[2] // _WARPED_LENGTH, 1)
    items, others = items[..., ::shorten], others[..., ::shorten]
    length = items.shape[2]
    band = max(int(_BAND * length), 1)
    distances = np.empty((len(items), len(others)), dtype=np.float32)
    for row, item in enumerate(items):
        # One row of the table of costs at a time, for all of the others at once.
        before = np.full((len(others), length + 1), np.inf, dtype=np.float32)
        before[:, 0] = 0
        for moment in range(length):
            start, stop = max(moment - band, 0), min(moment + band + 1, length)
            costs = ((others[:, :, start:stop] - item[:, moment, None]) ** 2).sum(1)
            after = np.full_like(before, np.inf)
            steps = np.minimum(before[:, start:stop], before[:, start + 1 : stop + 1])
            for offset in range(stop - start):
                place = start + offset + 1
                after[:, place] = costs[:, offset] + np.minimum(steps[:, offset], after[:, place - 1])
            before = after
        distances[row] = before[:, length]
    return distances


def _nearest(
    train: BaselineData,
    parts: Mapping[str, BaselineData],
    *,
    num_outputs: int,
    seed: int,
    distances: Distances,
) -> dict[str, np.ndarray]:
    """The answer of the nearest training series; of classes as a probability that is not quite certain."""
    answers = {}
    for part, rows in parts.items():
        nearest = distances(rows["series"], train["series"]).argmin(1)
        if train.targets.ndim > 1:
            answers[part] = train.targets[nearest].astype(np.float64)
            continue
        # A certain answer that is wrong would cost an infinite log loss.
        certain = np.full((len(rows), num_outputs), 0.1 / num_outputs)
        certain[np.arange(len(rows)), train.targets[nearest]] += 0.9
        answers[part] = certain
    return answers


def _boosting(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """Gradient boosting on the summary statistics."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    options: Any = {"random_state": int(generator(seed, "baseline").integers(2**32)), "early_stopping": False}
    if train.targets.ndim > 1:
        models = [HistGradientBoostingRegressor(**options).fit(train["statistics"], y) for y in train.targets.T]
        return {
            part: np.stack([model.predict(rows["statistics"]) for model in models], 1) for part, rows in parts.items()
        }
    present = np.unique(train.targets)
    answers = {part: np.zeros((len(rows), num_outputs)) for part, rows in parts.items()}
    # Of a single class boosting learns nothing, and says so by an error.
    model = (
        HistGradientBoostingClassifier(**options).fit(train["statistics"], train.targets) if len(present) > 1 else None
    )
    for part, rows in parts.items():
        answers[part][:, present] = model.predict_proba(rows["statistics"]) if model else 1.0
    return answers


def _stored(rows: BaselineData, num_outputs: int) -> int:
    return rows["series"].size


_ALL = {
    "nearest series": Baseline(partial(_nearest, distances=euclidean_distances), needs="series", size=_stored),
    "nearest series, time warped": Baseline(
        partial(_nearest, distances=dtw_distances),
        needs="series",
        size=_stored,
        max_rows=_WARPED_ROWS,
        choice_rows=_WARPED_ROWS,
    ),
    "gradient boosting on statistics": Baseline(_boosting, needs="statistics"),
}

# By what of scikit-learn learns the target (`Target.estimator`).
BASELINES: dict[str, dict[str, Baseline]] = {"classifier": _ALL, "regressor": _ALL}
