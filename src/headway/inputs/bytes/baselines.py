"""Files as simple models see them, counts of bytes and of short sequences of them, and simple models of these."""

from __future__ import annotations

from functools import partial

import numpy as np

from headway.data.dataset import Part
from headway.inputs.bytes.reading import PADDING
from headway.judge.baselines.base import Baseline, drawn_rows, on
from headway.judge.baselines.estimators import boosting, estimated
from headway.judge.baselines.linear import logistic_regression, ridge

__all__ = ["BASELINES", "baseline_part", "hashed_ngrams", "histogram"]

# Columns of each length of n-grams.
NUM_BUCKETS = 256
LENGTHS = (2, 4)


def histogram(windows: np.ndarray) -> np.ndarray:
    """The square root of each byte's share in a file's windows, int16 `[windows, length]`: float32 `[256]`.

    Example:
        >>> histogram(np.array([[1, 1, 1, 2, 256]], np.int16))[:3].round(3).tolist()
        [0.0, 0.8659999966621399, 0.5]
    """
    counts = np.bincount(windows[windows < PADDING], minlength=PADDING)
    # Roots: else a few frequent bytes, such as zero, outweigh all others.
    return np.sqrt(counts / max(counts.sum(), 1)).astype(np.float32)


def hashed_ngrams(windows: np.ndarray) -> np.ndarray:
    """The same of sequences of two and of four bytes, each hashed into one of 256 columns: float32 `[512]`."""
    shares = []
    for length in LENGTHS:
        pieces = np.lib.stride_tricks.sliding_window_view(windows.astype(np.uint64), length, axis=1)
        is_whole = (pieces < PADDING).all(axis=2)
        keys = (pieces[is_whole] * (np.uint64(256) ** np.arange(length, dtype=np.uint64))).sum(axis=1)
        # Knuth's multiplicative hash: the high bits of a product with 2**32 over the golden ratio.
        buckets = (keys * np.uint64(2_654_435_769) % np.uint64(2**32)) >> np.uint64(24)
        counts = np.bincount(buckets.astype(np.int64), minlength=NUM_BUCKETS)
        shares.append(np.sqrt(counts / max(counts.sum(), 1)))
    return np.concatenate(shares).astype(np.float32)


def baseline_part(part: Part, *, seed: int) -> tuple[Part, dict[str, np.ndarray]]:
    """The files that simple models learn from or predict, and their counts by name."""
    if part.name == "train":
        part = Part(part.data, part.name, part.items[drawn_rows(len(part), seed=seed)])
    histograms, ngrams = [], []
    for position in range(len(part)):
        for windows in part.readable([position])[0]:
            histograms.append(histogram(windows))
            ngrams.append(np.concatenate([histograms[-1], hashed_ngrams(windows)]))
    empty = np.empty((0, 0), np.float32)
    arrays = {
        name: np.stack(rows) if rows else empty for name, rows in (("histogram", histograms), ("n-grams", ngrams))
    }
    # After the reading: what can no longer be read is then left out of the targets, too.
    return part.left(), arrays


_BOOSTING = {
    "gradient boosting on hashed n-grams": Baseline(
        on("n-grams", partial(estimated, make=boosting)).run, needs="n-grams"
    )
}

# By what of scikit-learn learns the target (`Target.estimator`).
BASELINES: dict[str, dict[str, Baseline]] = {
    "classifier": {
        "logistic regression on byte counts": on("histogram", partial(logistic_regression, penalty=10.0)),
        **_BOOSTING,
    },
    "regressor": {"ridge regression on byte counts": on("histogram", ridge), **_BOOSTING},
}
