"""Simple models of tables: linear ones, a random forest and gradient boosting, with scikit-learn's defaults.

Gradient boosting is what a network for tables has to be measured against: on tables of a usual size it is seldom
surpassed (Grinsztajn, Oyallon and Varoquaux 2022, arXiv:2207.08815).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from headway.judge.baselines.base import Baseline, BaselineData, linear_size
from headway.judge.baselines.linear import logistic_regression, ridge
from headway.seeds import generator

__all__ = ["BASELINES", "one_hot"]

# Columns that a category column becomes for a linear model; rarer categories share the zeros of unknown ones.
_MAX_CATEGORIES = 50
# Categories that scikit-learn's boosting takes of a column, with one left for the others.
_MAX_BOOSTED = 254
# Rows beyond which a linear model or a forest gains little, and a forest's time is no longer reasonable.
_MANY = 100_000

# Inputs, targets `[items]`, the training rows and a seed to a fitted scikit-learn estimator.
Fit = Callable[[np.ndarray, np.ndarray, BaselineData, int], Any]


def one_hot(train: BaselineData, parts: Mapping[str, BaselineData]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Tables as linear models take them: numbers in standard deviations, a column for each category.

    A missing number becomes the median of the training rows, and where these lack some, a column of its own says so.
    A missing category is one more category; what the training rows lack is zero everywhere.

    Args:
        train: Rows with a "table", from which medians, scales and categories are learned.
        parts: Rows to bring into the same form.

    Returns:
        Of `train` float32 `[items, dim]`, and of each part the same.

    Example:
        >>> rows = BaselineData(
        ...     targets=np.zeros(3),
        ...     arrays={"table": np.array([[1.0, 0], [3, 1], [np.nan, 1]])},
        ...     about={"categorical": (1,)},
        ... )
        >>> one_hot(rows, {})[0].astype(np.float64).round(1).tolist()
        [[-1.2, 0.0, 0.0, 1.0], [1.2, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]]
    """
    encoders = [
        _encoder(train["table"][:, place], place in train.about["categorical"])
        for place in range(train["table"].shape[1])
    ]

    def encode(rows: BaselineData) -> np.ndarray:
        columns = [encode(rows["table"][:, place]) for place, encode in enumerate(encoders)]
        return np.concatenate([np.empty((len(rows["table"]), 0)), *columns], axis=1, dtype=np.float32)

    return encode(train), {part: encode(rows) for part, rows in parts.items()}


def _encoder(seen: np.ndarray, is_category: bool) -> Callable[[np.ndarray], np.ndarray]:
    """From a column's values, `[items]`, to columns `[items, dim]`."""
    if is_category:
        known = _commonest(np.nan_to_num(seen, nan=-1), _MAX_CATEGORIES)
        return lambda values: np.nan_to_num(values, nan=-1)[:, None] == known
    present = seen[~np.isnan(seen)]
    middle = float(np.median(present)) if len(present) else 0.0
    filled = np.nan_to_num(seen, nan=middle).astype(np.float64)
    mean, spread = float(filled.mean()), float(filled.std()) or 1.0

    def encode(values: np.ndarray) -> np.ndarray:
        number = (np.nan_to_num(values, nan=middle) - mean) / spread
        return np.stack([number, np.isnan(values)][: 1 if len(present) == len(seen) else 2], axis=1)

    return encode


def _commonest(values: np.ndarray, count: int) -> np.ndarray:
    """The most frequent values, at most `count`, the first the most frequent."""
    found, counts = np.unique(values, return_counts=True)
    return found[np.argsort(-counts, kind="stable")[:count]]


def _logistic(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    inputs, others = one_hot(train, parts)
    return logistic_regression(inputs, train.targets, others, num_outputs=num_outputs, penalty=1.0)


def _ridge(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    inputs, others = one_hot(train, parts)
    return ridge(inputs, train.targets, others, seed=seed)


def _classes(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int, fit: Fit, capped: bool
) -> dict[str, np.ndarray]:
    """Probabilities of an estimator's classes; classes without training rows get 0."""
    present = np.unique(train.targets)
    if len(present) == 1:
        return {part: np.tile(np.eye(num_outputs)[present], (len(rows.targets), 1)) for part, rows in parts.items()}
    inputs, others = _inputs(train, parts, capped=capped)
    model = fit(inputs, train.targets, train, seed)
    answers = {}
    for part, table in others.items():
        answers[part] = np.zeros((len(table), num_outputs))
        answers[part][:, present] = model.predict_proba(table)
    return answers


def _numbers(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int, fit: Fit, capped: bool
) -> dict[str, np.ndarray]:
    """One estimator for each number of an item."""
    inputs, others = _inputs(train, parts, capped=capped)
    models = [fit(inputs, train.targets[:, place], train, seed) for place in range(num_outputs)]
    return {part: np.stack([each.predict(table) for each in models], axis=1) for part, table in others.items()}


def _inputs(
    train: BaselineData, parts: Mapping[str, BaselineData], *, capped: bool
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The tables with categories as indices, the most frequent first; `capped`, where there may not be more."""
    orders = {
        place: _commonest(values[~np.isnan(values)], _MAX_BOOSTED if capped else len(values))
        for place in train.about["categorical"]
        for values in [train["table"][:, place]]
    }

    empty = np.isnan(train["table"]).all(axis=0)

    def encode(rows: BaselineData) -> np.ndarray:
        # A column without a value in training says nothing, and scikit-learn's boosting does not take it.
        table = np.where(empty, np.zeros_like(rows["table"]), rows["table"])
        for place, order in orders.items():
            values, sorting = table[:, place], np.argsort(order)
            nearest = np.searchsorted(order, values, sorter=sorting).clip(max=max(len(order) - 1, 0))
            ranks = sorting[nearest] if len(order) else np.zeros(len(values))
            known = order[ranks.astype(np.int64)] == values if len(order) else np.zeros(len(values), dtype=bool)
            table[:, place] = np.where(np.isnan(values), np.nan, np.where(known, ranks, len(order)))
        return table

    return encode(train), {part: encode(rows) for part, rows in parts.items()}


def _estimator_seed(seed: int) -> int:
    """scikit-learn's own generators take 32 bits."""
    return int(generator(seed, "baseline").integers(2**32))


def _forest_of_classes(inputs: np.ndarray, targets: np.ndarray, train: BaselineData, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(random_state=_estimator_seed(seed)).fit(inputs, targets)


def _forest_of_numbers(inputs: np.ndarray, targets: np.ndarray, train: BaselineData, seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(random_state=_estimator_seed(seed)).fit(inputs, targets)


def _boosted_classes(inputs: np.ndarray, targets: np.ndarray, train: BaselineData, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # Stopping early sets rows of every class aside, which takes two of each.
    early = "auto" if np.unique(targets, return_counts=True)[1].min() > 1 else False
    return HistGradientBoostingClassifier(early_stopping=early, **_boosted(train, seed)).fit(inputs, targets)  # pyright: ignore[reportArgumentType]


def _boosted_numbers(inputs: np.ndarray, targets: np.ndarray, train: BaselineData, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(**_boosted(train, seed)).fit(inputs, targets)


def _boosted(train: BaselineData, seed: int) -> dict[str, Any]:
    return {"categorical_features": list(train.about["categorical"]), "random_state": _estimator_seed(seed)}


def _size(rows: BaselineData, outputs: int) -> int:
    """Weights, biases and scales of a linear model on what `one_hot` makes of the rows."""
    return linear_size(one_hot(rows, {})[0].shape[1], outputs)


_CLASSES: dict[str, Baseline] = {
    "logistic regression": Baseline(_logistic, needs="table", size=_size, max_rows=_MANY),
    "random forest": Baseline(partial(_classes, fit=_forest_of_classes, capped=False), needs="table", max_rows=_MANY),
    "gradient boosting": Baseline(
        partial(_classes, fit=_boosted_classes, capped=True), needs="table", max_rows=sys.maxsize
    ),
}

_NUMBERS: dict[str, Baseline] = {
    "ridge regression": Baseline(_ridge, needs="table", size=_size, max_rows=_MANY),
    "random forest": Baseline(partial(_numbers, fit=_forest_of_numbers, capped=False), needs="table", max_rows=_MANY),
    "gradient boosting": Baseline(
        partial(_numbers, fit=_boosted_numbers, capped=True), needs="table", max_rows=sys.maxsize
    ),
}

# By what of scikit-learn learns the target (`Target.estimator`).
BASELINES = {"classifier": _CLASSES, "regressor": _NUMBERS}
