"""The estimators keep scikit-learn's rules, as its own checks see them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import headway as hw
from headway.sklearn import HeadwayClassifier, HeadwayRegressor

FEW = "each class needs four items, to be divided into those that train and those that judge"
CELLS = "a cell of a table may hold any value: what is no number is read as text"
ROUNDING = "sums of float32 depend on which rows lie together in a batch, in the seventh digit"

# Check and reason. Empty is best.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "HeadwayClassifier": {
        "check_dont_overwrite_parameters": FEW,
        "check_f_contiguous_array_estimator": FEW,
        "check_methods_sample_order_invariance": ROUNDING,
        "check_methods_subset_invariance": ROUNDING,
        "check_fit2d_1feature": FEW,
        "check_dict_unchanged": FEW,
        "check_fit2d_predict1d": FEW,
        "check_dtype_object": CELLS,
    },
    "HeadwayRegressor": {
        "check_dtype_object": CELLS,
        "check_methods_sample_order_invariance": ROUNDING,
        "check_methods_subset_invariance": ROUNDING,
    },
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", [HeadwayClassifier(epochs=10), HeadwayRegressor(epochs=15)], ids=repr)
def test_scikit_learns_own_checks(estimator: Any) -> None:
    found = check_estimator(estimator, on_fail=None, on_skip=None)
    known = EXCEPTIONS[type(estimator).__name__]
    failed = {each["check_name"]: str(each["exception"]) for each in found if each["status"] == "failed"}
    assert not {name: why for name, why in failed.items() if name not in known}
    assert len(found) > 45
    assert all("at least 4 readable items" in why for name, why in failed.items() if known[name] is FEW)


X, y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[y]


@pytest.mark.slow
def test_a_pipeline_in_cross_validation() -> None:
    scores = cross_val_score(make_pipeline(StandardScaler(), HeadwayClassifier(epochs=15)), X, NAMES, cv=3)
    assert scores.min() > 0.85


@pytest.mark.slow
def test_a_grid_search() -> None:
    search = GridSearchCV(HeadwayClassifier(epochs=3), {"lr": [1e-5, 1e-2]}, cv=2).fit(X, y)
    assert search.best_params_ == {"lr": 1e-2}


def test_clone_and_parameters() -> None:
    estimator = HeadwayClassifier(epochs=3, options={"mixup": 0.0}, settings={"optimizer": "sgd"})
    assert clone(estimator).get_params() == estimator.get_params()
    assert repr(HeadwayClassifier(epochs=3)) == "HeadwayClassifier(epochs=3)"


def test_a_fitted_estimator_can_be_pickled() -> None:
    fitted = HeadwayClassifier(epochs=3).fit(X, NAMES)
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert again.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert set(again.predict(X)) <= set(NAMES)


@pytest.mark.slow
def test_frames_with_text_and_missing_values() -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"size": draw.normal(size=120), "color": draw.choice(["red", "blue"], 120)})
    frame.loc[::10, "size"] = np.nan
    price = np.where(frame["color"] == "red", 3.0, 1.0)
    regressor = HeadwayRegressor(epochs=30).fit(frame, price)
    assert regressor.score(frame, price) > 0.5
    assert regressor.feature_names_in_.tolist() == ["size", "color"]
    with pytest.raises(ValueError, match="feature names should match"):
        regressor.predict(frame.rename(columns={"size": "weight"}))


@pytest.mark.slow
def test_pictures() -> None:
    draw = np.random.default_rng(0)
    answers = np.arange(60) % 2
    pictures = (draw.random((60, 16, 16, 1)) * 0.3 + answers[:, None, None, None] * 0.6).astype(np.float32)
    fitted = HeadwayClassifier(epochs=5, lr=1e-2).fit(pictures, answers)
    assert fitted.predict_proba(pictures).shape == (60, 2)
    assert fitted.score(pictures, answers) > 0.9


def test_the_same_seed_gives_the_same_model() -> None:
    ones, others = (HeadwayClassifier(epochs=2, random_state=3).fit(X, y).predict_proba(X) for _ in range(2))
    assert np.array_equal(ones, others)


def test_one_class_is_an_error() -> None:
    with pytest.raises(hw.DataError, match="at least two classes"):
        HeadwayClassifier().fit(X, np.zeros(len(X), dtype=int))
