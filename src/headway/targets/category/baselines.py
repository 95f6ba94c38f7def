"""Simple models that tell classes apart: what a classifier must beat."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from headway.judge.baselines.base import Baseline, BaselineData, constant, on
from headway.judge.baselines.linear import logistic_regression, spread_over
from headway.seeds import generator

__all__ = ["BASELINES", "neighbours"]

_NEIGHBOURS = 5


def _stratified(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """A class drawn at random by its share, given with probability 1, as scikit-learn's `DummyClassifier` does."""
    shares = _shares(train.targets, num_outputs)
    return {
        part: np.eye(num_outputs)[generator(seed, "baseline").choice(num_outputs, size=len(data), p=shares)]
        for part, data in parts.items()
    }


def _nearest_mean(
    inputs: np.ndarray, targets: np.ndarray, parts: Mapping[str, np.ndarray], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """The class whose mean image is closest, by squared distance.

    The pixel similarity of Howard and Gugger 2020, "Deep learning for coders", chapter 4; squared distance, as it
    tells digits apart better than absolute distance does. Probabilities are the softmax of the negative distance over
    twice that of the training rows to their own mean: mild ones, of which only the order is meant.
    """
    present = np.unique(targets)
    means = np.stack([inputs[targets == label].mean(0) for label in present])
    own = means[np.searchsorted(present, targets)]
    scale = 2 * float(((inputs - own) ** 2).sum(1).mean()) or 1.0
    predictions = {}
    for part, rows in parts.items():
        # The item's own length is the same for every class, so the softmax does not see it.
        distance = (means**2).sum(1) - 2 * rows @ means.T
        weights = np.exp(-(distance - distance.min(1, keepdims=True)) / scale)
        predictions[part] = spread_over(weights / weights.sum(1, keepdims=True), present, num_outputs)
    return predictions


def neighbours(
    inputs: np.ndarray, targets: np.ndarray, parts: Mapping[str, np.ndarray], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """The votes of the five nearest training items, plus one vote split by the classes' shares, which breaks ties."""
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    count = min(_NEIGHBOURS, len(targets))
    votes = np.eye(num_outputs)[targets]
    predictions = {}
    # Several threads add up in another order, and equal distances would fall to other neighbours.
    with threadpool_limits(1, user_api="blas"):
        # All distances at once: in hundreds of dimensions a tree of neighbours visits nearly all of them anyway.
        index = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(inputs)
        for part, rows in parts.items():
            nearest = index.kneighbors(rows, return_distance=False)
            predictions[part] = (votes[nearest].sum(1) + _shares(targets, num_outputs)) / (count + 1)
    return predictions


def _shares(targets: np.ndarray, num_outputs: int) -> np.ndarray:
    return np.bincount(targets, minlength=num_outputs) / len(targets)


BASELINES: dict[str, Baseline] = {
    # The classes' shares among the training items: the commonest class wins.
    "majority class": constant(_shares),
    "stratified": Baseline(_stratified, size=lambda _, classes: classes),
    "nearest mean image": on("pixels", _nearest_mean, size=lambda train, classes: classes * train["pixels"].shape[1]),
    "k-nearest neighbours on pixels": on(
        "pixels", neighbours, size=lambda train, _: len(train) * (train["pixels"].shape[1] + 1)
    ),
    "logistic regression on pixels": on("pixels", partial(logistic_regression, penalty=100.0)),
    "logistic regression on frozen features": on("features", partial(logistic_regression, penalty=10.0)),
}
