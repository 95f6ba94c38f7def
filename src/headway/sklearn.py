"""Scikit-learn's view of a learner: estimators for pipelines, grid searches and `cross_val_score`.

They take what `hw.from_arrays` takes: tables, with missing values and text, and pictures.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import polars as pl
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
from torch import nn

from headway.data.build import from_items
from headway.data.loader import as_tensor
from headway.data.splits import RandomSplit
from headway.errors import DataError
from headway.inputs.base import Input
from headway.inputs.registry import recognise_arrays
from headway.learner.learner import Learner
from headway.targets.base import Target
from headway.targets.category.field import Category
from headway.targets.number.field import Number
from headway.train.loop import evaluating

__all__ = ["HeadwayClassifier", "HeadwayRegressor"]

# Items that go through the model at once when it predicts.
BATCH = 256


class _Estimator(BaseEstimator):
    """What both estimators share; see `HeadwayClassifier`."""

    def __init__(
        self,
        arch: str | nn.Module | None = None,
        *,
        epochs: int | None = None,
        lr: float | None = None,
        options: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        valid: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.arch = arch
        self.epochs = epochs
        self.lr = lr
        self.options = options
        self.settings = settings
        self.valid = valid
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Tables may have missing values.
        tags.input_tags.allow_nan = True
        return tags

    def _train(self, X: Any, values: list[Any], target: Target) -> Self:  # noqa: N803
        columns, field = recognise_arrays(X)
        name = target.column
        split = RandomSplit(self.valid, seed=self.random_state)
        data = from_items({**columns, name: values}, input=field, target=target, split=split)
        settings = {"seed": self.random_state, "progress": False, **(self.settings or {})}
        learner = Learner(data, self.arch, **settings)
        learner.fine_tune(self.epochs, lr=self.lr, **(self.options or {}))
        # Not the learner itself: its data are not part of a fitted estimator, which is to be pickled.
        self.history_ = learner.history
        self.model_, self.prepare_, self.activate_ = learner.model, learner.prepare, learner.setup.objective.activate
        self.input_: Input = learner.data.input
        return self

    def _outputs(self, X: Any) -> np.ndarray:  # noqa: N803
        """The model's predictions, float32 `[items, outputs]`."""
        check_is_fitted(self)
        columns, _ = recognise_arrays(_checked(self, X))
        names = getattr(self, "feature_names_in_", None)
        if names is not None and not hasattr(X, "columns"):
            # An array after a frame: by position, as in scikit-learn, which has warned already.
            columns = dict(zip(names, columns.values(), strict=True))
        field, predictions = self.input_, []
        arrays: Any
        if field.source == "values":
            arrays = field.read_rows(pl.DataFrame(columns, strict=False))
        else:
            arrays = [field.read(value) for value in columns[field.column]]
        # A module may have no parameters.
        device = next((parameter.device for parameter in self.model_.parameters()), torch.device("cpu"))
        with evaluating(self.model_), torch.inference_mode():
            for start in range(0, len(arrays), BATCH):
                inputs = as_tensor(field.collate(arrays[start : start + BATCH]), field.axes).to(device)
                predictions.append(self.activate_(self.model_(self.prepare_(inputs)).float().cpu()).numpy())
        return np.concatenate(predictions)


class HeadwayClassifier(ClassifierMixin, _Estimator):
    """A classifier of rows of a table, or of pictures.

    Args:
        arch: An architecture's name, or a module of your own. Default: a good choice for the data.
        epochs: As in `Learner.fine_tune`.
        lr: As in `Learner.fine_tune`.
        options: More of its options, such as `{"mixup": 0.2}`; see `hw.Options`.
        settings: More arguments of `Learner`, such as `{"optimizer": "sgd"}`.
        valid: Share of the rows that judge the model while it is trained.
        random_state: The seed; decides everything random.

    Attributes:
        classes_: The classes, sorted, in the order of the columns of `predict_proba`.
        model_: The trained module.
        history_: The epochs.

    Example:
        >>> from sklearn.model_selection import cross_val_score
        >>> scores = cross_val_score(HeadwayClassifier(epochs=5), X, y)  # doctest: +SKIP
    """

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Trains a model.

        Args:
            X: Rows or pictures; see `hw.from_arrays`.
            y: Their classes.
        """
        X, y = _with_targets(self, X, y)  # noqa: N806
        check_classification_targets(y)
        self.classes_, indices = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            what = "A classifier needs items of at least two classes; here is one class."
            raise DataError(what, given=f"y with {self.classes_.tolist()}", fix="Add items of another class.")
        # Classes may be of any type, labels are text: "0", "1" ... in the order of the classes.
        labels = tuple(map(str, range(len(self.classes_))))
        return self._train(X, [labels[index] for index in indices], Category("target", labels=labels))

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Probabilities of the classes, float32 `[items, classes]`."""
        return self._outputs(X)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The most probable class of each item."""
        best = self._outputs(X).argmax(axis=1)
        return self.classes_[best]


class HeadwayRegressor(RegressorMixin, _Estimator):
    """A regressor for rows of a table, or for pictures; its arguments are those of `HeadwayClassifier`."""

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Trains a model.

        Args:
            X: Rows or pictures; see `hw.from_arrays`.
            y: Their numbers.
        """
        X, y = _with_targets(self, X, y, y_numeric=True)  # noqa: N806
        return self._train(X, y.astype(np.float64).tolist(), Number("target"))

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """A number for each item, float32 `[items]`."""
        return self._outputs(X)[:, 0]


_LIMITS: dict[str, Any] = {"dtype": None, "ensure_all_finite": "allow-nan", "allow_nd": True}


def _with_targets(estimator: Any, X: Any, y: Any, *, y_numeric: bool = False) -> tuple[Any, np.ndarray]:  # noqa: N803
    """What scikit-learn checks of what its own estimators learn from; a frame keeps the types of its columns."""
    if y is None:
        what = f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        raise DataError(what, given="y=None", fix="Pass fit(X, y).")
    if not hasattr(X, "columns"):
        checked: Any = validate_data(estimator, X, y, y_numeric=y_numeric, ensure_min_samples=2, **_LIMITS)
        return checked
    validate_data(estimator, X, skip_check_array=True)
    return X, column_or_1d(y, warn=True)


def _checked(estimator: Any, X: Any) -> Any:  # noqa: N803
    """What it checks of what they predict for: the same columns, in the same order."""
    if hasattr(X, "columns"):
        validate_data(estimator, X, skip_check_array=True, reset=False)
        return X
    return validate_data(estimator, X, reset=False, **_LIMITS)
