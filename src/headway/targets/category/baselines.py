"""Simple models that tell classes apart: what a classifier must beat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from headway.judge.baselines.base import Baseline, Rows, linear_size, num_features, num_pixels, scale_of, small_pixels
from headway.seeds import generator

__all__ = ["BASELINES", "logistic_regression"]

_NEIGHBOURS = 5


def _majority(train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
    """The classes' shares among the training rows, for every item: the commonest class wins."""
    shares = _shares(train, num_outputs)
    return {part: np.tile(shares, (len(rows.targets), 1)) for part, rows in parts.items()}


def _stratified(train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
    """A class drawn at random by its share, given with probability 1, as scikit-learn's `DummyClassifier` does."""
    shares = _shares(train, num_outputs)
    return {
        part: np.eye(num_outputs)[generator(seed, "baseline").choice(num_outputs, size=len(rows.targets), p=shares)]
        for part, rows in parts.items()
    }


def _nearest_mean(train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
    """The class whose mean image is closest, by squared distance.

    The pixel similarity of Howard and Gugger 2020, "Deep learning for coders", chapter 4; squared distance, as it
    tells digits apart better than absolute distance does. Probabilities are the softmax of the negative distance over
    twice that of the training rows to their own mean: mild ones, of which only the order is meant.
    """
    pixels = small_pixels(train)
    present = np.unique(train.targets)
    means = np.stack([pixels[train.targets == label].mean(0) for label in present])
    own = means[np.searchsorted(present, train.targets)]
    scale = 2 * float(((pixels - own) ** 2).sum(1).mean()) or 1.0
    answers = {}
    for part, rows in parts.items():
        # The item's own length is the same for every class, so the softmax does not see it.
        distance = (means**2).sum(1) - 2 * small_pixels(rows) @ means.T
        weights = np.exp(-(distance - distance.min(1, keepdims=True)) / scale)
        answers[part] = _spread(weights / weights.sum(1, keepdims=True), present, num_outputs)
    return answers


def _neighbours(train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
    """The votes of the five nearest training images, plus one vote split by the classes' shares, which breaks ties."""
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    count = min(_NEIGHBOURS, len(train.targets))
    votes = np.eye(num_outputs)[train.targets]
    answers = {}
    with threadpool_limits(1, user_api="blas"):
        index = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(small_pixels(train))
        for part, rows in parts.items():
            nearest = index.kneighbors(small_pixels(rows), return_distance=False)
            answers[part] = (votes[nearest].sum(1) + _shares(train, num_outputs)) / (count + 1)
    return answers


def _logistic_pixels(train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
    inputs = {part: small_pixels(rows) for part, rows in parts.items()}
    return logistic_regression(small_pixels(train), train.targets, inputs, num_outputs=num_outputs, penalty=100.0)


def _logistic_features(train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
    assert train.features is not None
    inputs = {part: rows.features for part, rows in parts.items() if rows.features is not None}
    return logistic_regression(train.features, train.targets, inputs, num_outputs=num_outputs, penalty=10.0)


def logistic_regression(
    inputs: np.ndarray, targets: np.ndarray, parts: Mapping[str, np.ndarray], *, num_outputs: int, penalty: float
) -> dict[str, np.ndarray]:
    """Multinomial logistic regression on standardised columns.

    The penalties (1 / C) had the lowest log loss of 1, 10, 100, 1,000 on digits and two photo sets. One BLAS thread:
    problems this small run up to ten times faster than on two, and give the same bits on any machine's thread count.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    present = np.unique(targets)
    if len(present) == 1:
        return {part: _spread(np.ones((len(rows), 1)), present, num_outputs) for part, rows in parts.items()}
    mean, spread = scale_of(inputs)
    model = LogisticRegression(C=1 / penalty, max_iter=50)
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early is a choice here
        model.fit((inputs - mean) / spread, targets)
        return {
            part: _spread(model.predict_proba((rows - mean) / spread), present, num_outputs)
            for part, rows in parts.items()
        }


def _shares(train: Rows, num_outputs: int) -> np.ndarray:
    return np.bincount(train.targets, minlength=num_outputs) / len(train.targets)


def _spread(probabilities: np.ndarray, present: np.ndarray, num_outputs: int) -> np.ndarray:
    """Columns for all classes; those without training rows get 0."""
    full = np.zeros((len(probabilities), num_outputs))
    full[:, present] = probabilities
    return full


BASELINES: dict[str, Baseline] = {
    "majority class": Baseline(_majority, size=lambda _, classes: classes),
    "stratified": Baseline(_stratified, size=lambda _, classes: classes),
    "nearest mean image": Baseline(
        _nearest_mean, needs="pixels", size=lambda rows, classes: classes * num_pixels(rows)
    ),
    "k-nearest neighbours on pixels": Baseline(
        _neighbours, needs="pixels", size=lambda rows, _: len(rows.targets) * (num_pixels(rows) + 1)
    ),
    "logistic regression on pixels": Baseline(
        _logistic_pixels, needs="pixels", size=lambda rows, classes: linear_size(num_pixels(rows), classes)
    ),
    "logistic regression on frozen features": Baseline(
        _logistic_features, needs="features", size=lambda rows, classes: linear_size(num_features(rows), classes)
    ),
}
