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

# Targets `[items]`, the training rows and a seed to an estimator of scikit-learn's.
Make = Callable[[np.ndarray, BaselineData, int], Any]


def one_hot(train: BaselineData, parts: Mapping[str, BaselineData]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Tables as linear models take them, float32 `[items, dim]`: numbers in standard deviations, a column a category.

    A missing number becomes the median of the training rows, and where these lack some, a column of its own says so.
    A missing category is one more category; what the training rows lack is zero everywhere.

    Example:
        >>> rows = BaselineData(
        ...     targets=np.zeros(3),
        ...     arrays={"table": np.array([[1.0, 0], [3, 1], [np.nan, 1]])},
        ...     about={"categorical": (1,)},
        ... )
        >>> one_hot(rows, {})[0].astype(np.float64).round(1).tolist()
        [[-1.2, 0.0, 0.0, 1.0], [1.2, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]]
    """
    columns = enumerate(train["table"].T)
    encoders = [_encoder(values, index in train.about["categorical"]) for index, values in columns]

    def encode(rows: BaselineData) -> np.ndarray:
        encoded = [encoder(values) for encoder, values in zip(encoders, rows["table"].T, strict=True)]
        # The first is for tables without a column, of which numpy makes nothing.
        return np.concatenate([np.empty((len(rows["table"]), 0)), *encoded], axis=1, dtype=np.float32)

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
    distinct, counts = np.unique(values, return_counts=True)
    return distinct[np.argsort(-counts, kind="stable")[:count]]


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


def _trees(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int, make: Make, most: int
) -> dict[str, np.ndarray]:
    """Probabilities of classes, those without training rows getting 0; or numbers, by an estimator for each of them."""
    # scikit-learn's own generators take 32 bits.
    sklearn_seed = int(generator(seed, "baseline").integers(2**32))
    inputs, tables = _ranked(train, parts, most=most)
    if train.targets.ndim > 1:
        models = [make(column, train, sklearn_seed).fit(inputs, column) for column in train.targets.T]
        return {part: np.stack([model.predict(table) for model in models], axis=1) for part, table in tables.items()}
    present = np.unique(train.targets)
    answers = {part: np.zeros((len(table), num_outputs)) for part, table in tables.items()}
    # Of a single class boosting learns nothing, and says so by an error.
    model = make(train.targets, train, sklearn_seed).fit(inputs, train.targets) if len(present) > 1 else None
    for part, table in tables.items():
        answers[part][:, present] = model.predict_proba(table) if model else 1.0
    return answers


def _ranked(
    train: BaselineData, parts: Mapping[str, BaselineData], *, most: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The tables with categories by how frequent they are: from 0 to `most - 1`, and one more for all others."""
    # A column without a value in training says nothing, and scikit-learn's boosting does not take it.
    empty = np.isnan(train["table"]).all(axis=0)
    ranks = {}
    for column in train.about["categorical"]:
        values = train["table"][:, column]
        order = _commonest(values[~np.isnan(values)], most).astype(np.int64)
        # By category index, with one place more for all that training did not have.
        ranks[column] = np.full(order.max(initial=-1) + 2, len(order))
        ranks[column][order] = np.arange(len(order))

    def encode(rows: BaselineData) -> np.ndarray:
        table = np.where(empty, np.zeros_like(rows["table"]), rows["table"])
        for column, by_index in ranks.items():
            indices = np.nan_to_num(table[:, column]).clip(max=len(by_index) - 1).astype(np.int64)
            table[:, column] = np.where(np.isnan(table[:, column]), np.nan, by_index[indices])
        return table

    return encode(train), {part: encode(rows) for part, rows in parts.items()}


def _forest(targets: np.ndarray, train: BaselineData, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    is_classes = train.targets.ndim == 1
    return RandomForestClassifier(random_state=seed) if is_classes else RandomForestRegressor(random_state=seed)


def _boosting(targets: np.ndarray, train: BaselineData, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    options: Any = {"categorical_features": list(train.about["categorical"]), "random_state": seed}
    if train.targets.ndim > 1:
        return HistGradientBoostingRegressor(**options)
    # Stopping early sets rows of every class aside, which takes two of each.
    early = "auto" if np.unique(targets, return_counts=True)[1].min() > 1 else False
    return HistGradientBoostingClassifier(early_stopping=early, **options)  # pyright: ignore[reportArgumentType]


def _size(rows: BaselineData, outputs: int) -> int:
    """Weights, biases and scales of a linear model on what `one_hot` makes of the rows."""
    return linear_size(one_hot(rows, {})[0].shape[1], outputs)


_TREES = {
    "random forest": Baseline(partial(_trees, make=_forest, most=sys.maxsize), needs="table", max_rows=_MANY),
    "gradient boosting": Baseline(
        partial(_trees, make=_boosting, most=_MAX_BOOSTED), needs="table", max_rows=sys.maxsize
    ),
}

# By what of scikit-learn learns the target (`Target.estimator`).
BASELINES: dict[str, dict[str, Baseline]] = {
    "classifier": {"logistic regression": Baseline(_logistic, needs="table", size=_size, max_rows=_MANY), **_TREES},
    "regressor": {"ridge regression": Baseline(_ridge, needs="table", size=_size, max_rows=_MANY), **_TREES},
}
