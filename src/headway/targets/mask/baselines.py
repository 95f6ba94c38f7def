"""Simple models that give each pixel a class: what a network must beat."""

from __future__ import annotations

import numpy as np

from headway.judge.baselines.base import Baseline, constant

__all__ = ["BASELINES"]


def _majority(targets: np.ndarray, num_outputs: int) -> np.ndarray:
    """The class with the most pixels, for every pixel."""
    counts = np.bincount(targets.ravel(), minlength=num_outputs)[:num_outputs]
    return np.full(targets.shape[1:], counts.argmax(), dtype=np.uint8)


def _commonest_map(targets: np.ndarray, num_outputs: int) -> np.ndarray:
    """For each place in the picture the class that most training masks have there."""
    counts = np.stack([(targets == index).sum(axis=0) for index in range(num_outputs)])
    return counts.argmax(axis=0).astype(np.uint8)


BASELINES: dict[str, Baseline] = {
    "majority class": constant(_majority),
    "commonest class at each place": constant(_commonest_map, size=lambda train, _: train.targets[0].size),
}
