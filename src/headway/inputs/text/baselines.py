"""Simple models of texts: naive Bayes on words, linear models on TF-IDF, and the nearest texts by frozen features.

On short texts and on topics the linear models are hard to surpass where their options are chosen with care. A logistic
regression and naive Bayes are better together than either (Wang and Manning 2012, "Baselines and bigrams", who multiply
columns by naive Bayes' ratios; here the mean of the probabilities, which was as good and is calibrated better). Options
are chosen on folds of the training rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from headway.inputs.text.tfidf import Counts, Weighing
from headway.judge.baselines.base import Baseline, BaselineData, drawn_rows, on
from headway.judge.baselines.linear import spread_over
from headway.seeds import generator
from headway.targets.category.baselines import neighbours

__all__ = ["BASELINES", "classifier", "with_bayes"]

_FOLDS = 3
# Rows beyond which time grows and accuracy hardly does; of many classes, each of which is a problem of its own, so many
# at least.
_MANY, _MANY_OF_MANY = 100_000, 10_000
# The same where options are compared.
_COMPARED, _COMPARED_OF_MANY = 10_000, 1_000

_WEIGHINGS = (Weighing(2, is_sublinear=True), Weighing(1, is_sublinear=True), Weighing(2, is_sublinear=False))
# 1 / penalty: what an item's loss counts beside half of the sum of squared weights.
_STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)
_SMOOTHINGS = (0.1, 0.3, 1.0, 3.0)
# Of naive Bayes on TF-IDF, whose sums are smaller than counts. Chosen among three on folds of training rows of reviews,
# messages and docstrings.
_SMOOTHING = 0.1

# An estimator of scikit-learn's that was not fitted.
Make = Callable[[], Any]


def _linear(
    train: BaselineData,
    parts: Mapping[str, BaselineData],
    *,
    num_outputs: int,
    seed: int,
    make: Callable[[float], Any],
) -> dict[str, np.ndarray]:
    """A linear model on TF-IDF of words, pairs of words and pieces of words."""
    most = _most(num_outputs, _MANY, _MANY_OF_MANY)
    train = train.take(drawn_rows(len(train), seed=seed, most=most))
    counts = Counts(train["texts"], pieces=True)
    rows = _compared(len(train), num_outputs, seed)
    compared = [block[rows] for block in counts.blocks]
    matrices = {weighing: counts.weighed(compared, weighing) for weighing in _WEIGHINGS}
    errors = partial(_errors, targets=train.targets[rows], num_outputs=num_outputs)
    strength = min(_STRENGTHS, key=lambda strength: errors(partial(make, strength), matrices[_WEIGHINGS[0]]))
    weighing = min(_WEIGHINGS, key=lambda weighing: errors(partial(make, strength), matrices[weighing]))
    matrix = counts.weighed(counts.blocks, weighing)
    predict = _fitted(partial(make, strength), matrix, train.targets, num_outputs)
    return {part: predict(counts.weighed(counts.of(rows["texts"]), weighing)) for part, rows in parts.items()}


def _naive_bayes(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """Multinomial or complement naive Bayes on which words and pairs of words there are."""
    from sklearn.naive_bayes import ComplementNB, MultinomialNB

    counts = Counts(train["texts"], pieces=False)
    matrix = _presence(counts.blocks)
    makes = [partial(kind, alpha=alpha) for kind, alpha in product((MultinomialNB, ComplementNB), _SMOOTHINGS)]
    rows = _compared(len(train), num_outputs, seed)
    errors = partial(_errors, matrix=matrix[rows], targets=train.targets[rows], num_outputs=num_outputs)
    predict = _fitted(min(makes, key=errors), matrix, train.targets, num_outputs)
    return {part: predict(_presence(counts.of(rows["texts"]))) for part, rows in parts.items()}


def _presence(blocks: Sequence[Any]) -> Any:
    """1 for what occurs at all, however often."""
    from scipy.sparse import hstack

    return hstack([block.sign() for block in blocks], format="csr")


def classifier(strength: float) -> Any:
    """Logistic regression for sparse columns that are not standardised; of several classes each against the others."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    # liblinear needs a tenth of the time of scikit-learn's other solvers here.
    return OneVsRestClassifier(LogisticRegression(C=strength, solver="liblinear"))


def with_bayes(strength: float) -> Any:
    """The mean of the probabilities of a logistic regression and of complement naive Bayes."""
    from sklearn.ensemble import VotingClassifier
    from sklearn.naive_bayes import ComplementNB

    voters = [("logistic", classifier(strength)), ("Bayes", ComplementNB(alpha=_SMOOTHING))]
    return VotingClassifier(voters, voting="soft")


def _ridge(strength: float) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=1 / strength, solver="sparse_cg")


def _fitted(make: Make, matrix: Any, targets: np.ndarray, num_outputs: int) -> Callable[[Any], np.ndarray]:
    """From a matrix to predictions `[items, num_outputs]`, by an estimator that was fitted on the training rows."""
    with warnings.catch_warnings():
        # Of not having converged, which is a choice here.
        warnings.simplefilter("ignore")
        if not hasattr(make(), "predict_proba"):
            model = make().fit(matrix, targets)
            return lambda rows: model.predict(rows).reshape(-1, num_outputs)
        if targets.ndim == 1:
            return _fitted_classes(make, matrix, targets, num_outputs)
        columns = [_fitted_classes(make, matrix, column.astype(np.int64), 2) for column in targets.T]
    return lambda rows: np.stack([predict(rows)[:, 1] for predict in columns], axis=1)


def _fitted_classes(make: Make, matrix: Any, targets: np.ndarray, num_outputs: int) -> Callable[[Any], np.ndarray]:
    present = np.unique(targets)
    # Of a single class there is nothing to learn.
    model = make().fit(matrix, targets) if len(present) > 1 else None

    def predict(rows: Any) -> np.ndarray:
        answers = model.predict_proba(rows) if model else np.ones((rows.shape[0], 1))
        return spread_over(answers, present, num_outputs)

    return predict


def _compared(num_rows: int, num_outputs: int, seed: int) -> np.ndarray:
    """The training rows that options are compared on, shuffled."""
    return generator(seed, "baseline").permutation(num_rows)[: _most(num_outputs, _COMPARED, _COMPARED_OF_MANY)]


def _errors(make: Make, matrix: Any, *, targets: np.ndarray, num_outputs: int) -> float:
    """The sum of errors on rows that a model was not fitted on: of classes and labels those that are wrong."""
    rows = np.arange(len(targets))
    total = 0.0
    for fold in np.array_split(rows, min(_FOLDS, len(rows))):
        others = np.setdiff1d(rows, fold)
        if len(others):
            answers = _fitted(make, matrix[others], targets[others], num_outputs)(matrix[fold])
            total += _error(answers, targets[fold], is_number=not hasattr(make(), "predict_proba"))
    return total


def _most(num_outputs: int, rows: int, rows_of_many: int) -> int:
    """So many rows of two classes, and fewer of more."""
    return max(2 * rows // max(num_outputs, 2), rows_of_many)


def _error(answers: np.ndarray, targets: np.ndarray, *, is_number: bool) -> float:
    if is_number:
        return float(((answers - targets) ** 2).sum())
    wrong = answers.argmax(axis=1) != targets if targets.ndim == 1 else (answers > 0.5) != (targets > 0.5)
    return float(wrong.sum())


def _nearest(
    inputs: np.ndarray, targets: np.ndarray, parts: Mapping[str, np.ndarray], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """The votes of the texts with the most similar direction of features, by their cosine."""
    units = {part: _unit(rows) for part, rows in parts.items()}
    return neighbours(_unit(inputs), targets, units, num_outputs=num_outputs, seed=seed)


def _unit(features: np.ndarray) -> np.ndarray:
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


_BAYES = Baseline(_naive_bayes, needs="texts", max_rows=_MANY)
_NAME = "logistic regression and naive Bayes on TF-IDF"
_LOGISTIC = Baseline(partial(_linear, make=with_bayes), needs="texts", max_rows=_MANY)

# By what is predicted (`Target.task`), beside those of every such target.
BASELINES: dict[str, dict[str, Baseline]] = {
    "classification": {
        "naive Bayes": _BAYES,
        _NAME: _LOGISTIC,
        "k-nearest neighbours on frozen features": on(
            "features", _nearest, size=lambda train, _: len(train) * (train["features"].shape[1] + 1)
        ),
    },
    "multilabel": {"naive Bayes": _BAYES, _NAME: _LOGISTIC},
    "regression": {
        "ridge regression on TF-IDF": Baseline(partial(_linear, make=_ridge), needs="texts", max_rows=_MANY)
    },
}
