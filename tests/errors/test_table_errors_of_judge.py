"""Whole texts of the errors of what looks into tables."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.data.build import from_items
from headway.errors import ConfigError, DataError, ShapeError
from headway.inputs.table.column_values import column_values
from headway.inputs.table.dependence import dependence
from headway.inputs.table.field import Table
from headway.inputs.table.importance import importance
from headway.inputs.table.leakage import column_skills
from headway.inputs.table.redundancy import redundancy
from headway.judge.ensemble import check_averaged
from headway.targets.category.field import Category
from headway.targets.number.field import Number
from tests.judging import metrics_of

ITEMS = pl.DataFrame({"age": [float(each) for each in range(30)], "port": ["S", "C"] * 15})
TARGETS = np.array([0, 1] * 15)


def model(rows: pl.DataFrame) -> np.ndarray:
    return np.tile([0.5, 0.5], (len(rows), 1))


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda: importance(model, ITEMS, TARGETS, metrics=metrics_of(), together=[["agee"]]),
            ConfigError,
            "The table has no such column.\n  Given: 'agee'\n  Fix:   Did you mean \"age\"?",
        ),
        (
            lambda: importance(model, ITEMS, TARGETS, metrics=metrics_of(), together=[["age", "port"], ["age"]]),
            ConfigError,
            "A column is in `together` more than once.\n  Given: age\n  Fix:   Name each column once.",
        ),
        (
            lambda: importance(model, ITEMS, TARGETS, metrics=metrics_of(), permutations=0),
            ConfigError,
            "`permutations` must be at least 1.\n  Given: permutations=0\n  Fix:   Leave it out for 5.",
        ),
        (
            lambda: importance(model, ITEMS, TARGETS[:5], metrics=metrics_of()),
            ShapeError,
            "Importance needs items, at least one, with a target each.\n  Given: 30 items, 5 targets\n"
            "  Fix:   Pass both of the same part, in the same order.",
        ),
        (
            lambda: dependence(model, ITEMS.with_columns(age=pl.lit(None, pl.Float64)), "age"),
            DataError,
            "This column has no values.\n  Given: 'age'\n  Fix:   Choose another column.",
        ),
        (
            lambda: redundancy(ITEMS.select("age")),
            ConfigError,
            "Redundancy needs at least two columns of numbers, dates or categories.\n  Given: 1 columns\n"
            "  Fix:   Pass more of the items' columns.",
        ),
        (
            lambda: column_values(pl.DataFrame({"tags": [["a"], ["b"]]})),
            DataError,
            "Columns must hold numbers, dates or categories.\n  Given: tags: List(String)\n"
            "  Fix:   Leave this column out, or make numbers or text of it.",
        ),
        (
            lambda: column_skills(ITEMS, TARGETS[:5]),
            ShapeError,
            "Every item needs a target.\n  Given: 30 items, 5 targets\n  Fix:   Pass both of the same part.",
        ),
        (
            lambda: check_averaged(metrics_of("points"), "Points('eyes')"),
            ConfigError,
            "The predictions for this kind of target are not averaged.\n  Given: Points('eyes')\n"
            "  Fix:   Use a target of classes or of numbers.",
        ),
    ],
)
def test_whole_text(call, kind, text) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text


@pytest.fixture(scope="module")
def data() -> hw.Data:
    items = pl.concat([ITEMS, ITEMS]).with_columns(pl.Series("sick", [0, 1] * 30))
    return from_items(items, input=Table(continuous=["age"], categorical=["port"]), target=Category("sick"))


def test_of_a_learner(data: hw.Data) -> None:
    learner = hw.Learner(data, progress=False)
    with pytest.raises(ConfigError) as caught:
        learner.interpret().dependence("age", label="2")
    assert str(caught.value).startswith("Unknown label.\n  Given: '2'\n  Fix:   ")
    with pytest.raises(ConfigError) as caught:
        learner.interpret().importance("test")
    assert str(caught.value) == (
        "That part of the data has no rows.\n  Given: 'test'\n  Fix:   The parts are: train, valid."
    )
    with pytest.raises(ConfigError) as caught:
        learner.ensemble_with("nearest mean image")
    assert str(caught.value) == (
        "This baseline is not for items of this kind.\n  Given: 'nearest mean image', Table of 2 columns\n"
        "  Fix:   Look at `learner.baselines()` for those that are."
    )
    with pytest.raises(ConfigError) as caught:
        learner.ensemble_with("gradient bosting")
    assert str(caught.value) == (
        'This baseline is not known.\n  Given: gradient bosting\n  Fix:   Did you mean "gradient boosting"?'
    )


def test_a_number_has_no_labels(data: hw.Data) -> None:
    numbers = from_items(data.items.select("age", "port"), input=Table(categorical=["port"]), target=Number("age"))
    with pytest.raises(ConfigError) as caught:
        hw.Learner(numbers, progress=False).interpret().dependence("port", label="x")
    assert str(caught.value) == "A number has no labels.\n  Given: label='x'\n  Fix:   Leave `label` out."


def test_photos_have_no_columns(digits) -> None:
    learner = hw.Learner(hw.from_folder(digits, size=28), pretrained=False, progress=False)
    with pytest.raises(ConfigError) as caught:
        learner.interpret()
    assert str(caught.value) == (
        "`learner.interpret()` is not available for this kind of input.\n"
        f"  Given: {learner.data.input}\n  Fix:   Look at `learner.explain()` or `learner.report()` instead."
    )
