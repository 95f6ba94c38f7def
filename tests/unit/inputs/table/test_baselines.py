from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from headway.inputs.table.baselines import one_hot
from headway.judge.baselines.base import BaselineData
from headway.judge.baselines.run import BaselineResult
from tests.judging import baseline_data, baselines_of, evaluate, run_baselines
from tests.unit.inputs.table.adult import as_rows, read_adult

OF_TABLES = {
    "classification": ["logistic regression", "random forest", "gradient boosting"],
    "regression": ["ridge regression", "random forest", "gradient boosting"],
}


def table(items: int = 200, *, seed: int = 0, **columns: np.ndarray) -> BaselineData:
    """Two numbers, one of them with gaps, and a category; the target follows the first and the category."""
    draw = np.random.default_rng(seed)
    age, pay, job = draw.normal(size=items), draw.normal(size=items), draw.integers(4, size=items)
    pay[draw.random(items) < 0.3] = np.nan
    targets = ((age + (job == 2) * 3) > 0.5).astype(np.int64)
    return baseline_data(targets=targets, table=np.stack([age, pay, job], axis=1), categorical=(2,), **columns)


def run(train: BaselineData, valid: BaselineData, task: str, outputs: int) -> dict[str, BaselineResult]:
    found = run_baselines(train, {"valid": valid}, num_outputs=outputs, task=task, names=OF_TABLES[task])
    return {each.name: each for each in found}


@pytest.mark.slow
def test_adult(shared_data: Callable[[str], Path]) -> None:
    items, targets = read_adult(shared_data("adult"), count=6_000)
    train, valid = as_rows(items[:4_800], targets[:4_800]), as_rows(items, targets).take(np.arange(4_800, 6_000))
    # Categories have their indices from the same table.
    train = as_rows(items, targets).take(np.arange(4_800))
    found = run(train, valid, "classification", 2)
    scores = {
        name: evaluate(each.predictions["valid"], valid.targets, task="classification", metrics=["accuracy"])[
            "accuracy"
        ]
        for name, each in found.items()
    }
    assert 0.82 < scores["logistic regression"].value < 0.88
    assert 0.83 < scores["random forest"].value < 0.88
    assert 0.84 < scores["gradient boosting"].value < 0.89


@pytest.mark.slow
def test_gradient_boosting_is_scikit_learns(shared_data: Callable[[str], Path]) -> None:
    """Renumbered categories and the seed aside, it is the estimator with its defaults."""
    items, targets = read_adult(shared_data("adult"), count=2_000)
    rows = as_rows(items, targets)
    train, valid = rows.take(np.arange(1_500)), rows.take(np.arange(1_500, 2_000))
    assert train["table"] is not None
    assert valid["table"] is not None
    model = HistGradientBoostingClassifier(categorical_features=list(rows.about["categorical"]))
    theirs = model.fit(train["table"], train.targets).predict_proba(valid["table"])
    ours = run(train, valid, "classification", 2)["gradient boosting"].predictions["valid"]
    assert np.abs(ours - theirs).mean() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("task", OF_TABLES)
def test_each_learns_what_there_is_to_learn(task: str) -> None:
    train, valid = table(600), table(200, seed=1)
    if task == "regression":
        train, valid = (
            baseline_data(targets=each.targets[:, None].astype(np.float32), table=each["table"], categorical=(2,))
            for each in (train, valid)
        )
    found = run(train, valid, task, 2 if task == "classification" else 1)
    assert list(found) == OF_TABLES[task]
    for each in found.values():
        if task == "classification":
            assert (each.predictions["valid"].argmax(1) == valid.targets).mean() > 0.9
        else:
            assert np.abs(each.predictions["valid"] - valid.targets).mean() < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("task", OF_TABLES)
def test_the_same_seed_gives_the_same_answers(task: str) -> None:
    rows = table(100)
    if task == "regression":
        rows = baseline_data(targets=rows.targets[:, None].astype(np.float32), table=rows["table"], categorical=(2,))
    outputs = 2 if task == "classification" else 1
    first, second = (run(rows, rows, task, outputs) for _ in range(2))
    for name in first:
        np.testing.assert_array_equal(first[name].predictions["valid"], second[name].predictions["valid"])


@pytest.mark.slow
def test_what_training_lacks_is_no_error() -> None:
    """Unknown categories, gaps where there were none, a column that is empty, and a class without rows."""
    train = table(80)
    assert train["table"] is not None
    full = train["table"].copy()
    full[:, 1] = np.nan
    full[:, 0] = 1.0
    train = baseline_data(targets=np.where(train.targets > 0, 2, 0), table=full, categorical=(2,))
    new = np.array([[np.nan, 3.0, 99.0], [1e9, np.nan, np.nan]])
    found = run(train, baseline_data(targets=np.array([0, 1]), table=new, categorical=(2,)), "classification", 3)
    for each in found.values():
        answers = each.predictions["valid"]
        assert answers.shape == (2, 3)
        assert (answers[:, 1] == 0).all()
        np.testing.assert_allclose(answers.sum(1), 1)


def test_one_class_alone_is_always_the_answer() -> None:
    rows = table(30)
    rows = baseline_data(targets=np.ones(30, dtype=np.int64), table=rows["table"], categorical=(2,))
    for each in run(rows, rows, "classification", 3).values():
        assert (each.predictions["valid"] == [0, 1, 0]).all()


@pytest.mark.slow
def test_a_class_of_one_row_among_many_does_not_stop_gradient_boosting() -> None:
    rows = table(10_400)
    targets = rows.targets.copy()
    targets[0] = 2
    rows = baseline_data(targets=targets, table=rows["table"], categorical=(2,))
    [found] = run_baselines(rows, {"valid": rows}, num_outputs=3, names=["gradient boosting"])
    assert (found.predictions["valid"].argmax(1) == targets).mean() > 0.9


@pytest.mark.slow
def test_more_categories_than_boosting_takes() -> None:
    draw = np.random.default_rng(0)
    codes = draw.integers(300, size=9_000).astype(np.float64)
    rows = baseline_data(targets=(codes % 2).astype(np.int64), table=codes[:, None], categorical=(0,))
    found = run(rows, rows, "classification", 2)
    assert (found["gradient boosting"].predictions["valid"].argmax(1) == rows.targets).mean() > 0.6


def test_all_rows_are_learned_from() -> None:
    """The cap of the other baselines would make the comparison with a network unfair."""
    for task, names in OF_TABLES.items():
        for name in names:
            assert baselines_of(task)[name].max_rows >= 100_000


def test_they_are_left_out_where_there_is_no_table() -> None:
    rows = baseline_data(targets=np.array([0, 1, 1]))
    names = [each.name for each in run_baselines(rows, {"valid": rows}, num_outputs=2)]
    assert not set(names) & set(OF_TABLES["classification"])


def test_one_hot_has_a_column_for_a_gap_and_for_each_category() -> None:
    train = baseline_data(
        targets=np.zeros(4), table=np.array([[0.0, 5], [2, 5], [np.nan, 7], [2, np.nan]]), categorical=(1,)
    )
    new = baseline_data(targets=np.zeros(1), table=np.array([[np.nan, 9.0]]), categorical=(1,))
    inputs, parts = one_hot(train, {"new": new})
    assert inputs.shape == (4, 5)
    assert inputs[:, 1].tolist() == [0, 0, 1, 0]
    assert inputs[:, 2:].sum(1).tolist() == [1, 1, 1, 1]
    assert parts["new"][0, 2:].tolist() == [0, 0, 0]
