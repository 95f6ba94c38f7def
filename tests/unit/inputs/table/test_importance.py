from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression

from headway.inputs.table.column_values import Predict, column_values
from headway.inputs.table.importance import Importance, importance
from tests.judging import metrics_of
from tests.unit.inputs.table.adult import read_adult


def noisy(count: int = 400, *, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    draw = np.random.default_rng(seed)
    items = pl.DataFrame({name: draw.normal(size=count) for name in ("strong", "weak", "noise")})
    targets = (3 * items["strong"] + items["weak"]).to_numpy() + draw.normal(size=count)
    return items, targets[:, None]


def linear(items: pl.DataFrame, targets: np.ndarray) -> Predict:
    model = LinearRegression().fit(items.to_numpy(), targets)
    return lambda rows: model.predict(rows.to_numpy())


def drops(found: Importance) -> dict[str, float]:
    return {each.name: each.drop.value for each in found.columns}


def test_it_is_scikit_learns_permutation_importance() -> None:
    items, targets = noisy(2_000)
    model = LinearRegression().fit(items.to_numpy(), targets)
    theirs = permutation_importance(
        model, items.to_numpy(), targets, n_repeats=20, random_state=0, scoring="neg_mean_absolute_error"
    )
    ours = importance(linear(items, targets), items, targets, metrics=metrics_of("regression"), permutations=20)
    assert [each.name for each in ours.columns] == ["strong", "weak", "noise"]
    for name, mean, std in zip(items.columns, theirs.importances_mean, theirs.importances_std, strict=True):
        assert drops(ours)[name] == pytest.approx(mean, abs=3 * std / np.sqrt(20) + 0.002)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_column_that_is_not_used_loses_nothing(seed: int) -> None:
    items, targets = noisy(100, seed=seed)
    found = importance(
        lambda rows: 3 * rows["strong"].to_numpy()[:, None], items, targets, metrics=metrics_of("regression")
    )
    by_name = {each.name: each.drop for each in found.columns}
    assert by_name["noise"].low == by_name["noise"].value == by_name["noise"].high == 0
    assert found.columns[0].name == "strong"
    assert found.columns[0].is_used


@pytest.mark.slow
def test_intervals_hold_the_importance_for_other_items_as_often_as_they_say() -> None:
    """Of a model whose true importances are known from very many items."""
    items, targets = noisy(500)
    model = linear(items, targets)
    truth = drops(importance(model, *noisy(40_000, seed=1), metrics=metrics_of("regression"), num_items=40_000))
    held = []
    for seed in range(60):
        found = importance(model, *noisy(120, seed=100 + seed), metrics=metrics_of("regression"), seed=seed)
        held += [each.drop.low <= truth[each.name] <= each.drop.high for each in found.columns]
    assert 0.9 <= np.mean(held) <= 0.995


def test_copies_stand_in_for_one_another_unless_shuffled_together() -> None:
    items, targets = noisy()
    items = items.with_columns(pl.col("strong").alias("copy"))
    model: Predict = lambda rows: np.maximum(rows["strong"].to_numpy(), rows["copy"].to_numpy())[:, None] * 3  # noqa: E731
    alone = drops(importance(model, items, targets, metrics=metrics_of("regression")))
    both = drops(importance(model, items, targets, metrics=metrics_of("regression"), together=[["strong", "copy"]]))
    assert both["strong + copy"] > alone["strong"] + 0.5
    assert set(both) == {"strong + copy", "weak", "noise"}


@pytest.mark.slow
def test_classes_of_a_real_table(shared_data: Callable[[str], Path]) -> None:
    items, targets = read_adult(shared_data("adult"), count=4_000)
    items = items.select("age", "education-num", "hours-per-week", "marital-status", "fnlwgt")
    values = {each.name: each for each in column_values(items)}
    labels = values["marital-status"].labels or ()

    def table(rows: pl.DataFrame) -> np.ndarray:
        index = {label: place for place, label in enumerate(labels)}
        return rows.with_columns(pl.col("marital-status").replace_strict(index)).to_numpy()

    model = HistGradientBoostingClassifier(random_state=0).fit(table(items[:3_000]), targets[:3_000])
    found = importance(
        lambda rows: model.predict_proba(table(rows)), items[3_000:], targets[3_000:], metrics=metrics_of()
    )
    assert found.metric == "accuracy"
    assert {each.name for each in found.columns[:2]} == {"marital-status", "education-num"}
    assert {each.name for each in found.columns if each.is_used} >= {"marital-status", "education-num", "age"}
    assert not next(each for each in found.columns if each.name == "fnlwgt").is_used
    assert 0.7 < found.score.value < 0.9


def test_the_same_seed_gives_the_same_numbers_and_the_items_stay_as_they_are() -> None:
    items, targets = noisy(50)
    before = items.clone()
    first, second = (
        importance(linear(items, targets), items, targets, metrics=metrics_of("regression")) for _ in range(2)
    )
    assert first == second
    assert items.equals(before)
    assert first != importance(linear(items, targets), items, targets, metrics=metrics_of("regression"), seed=1)


@pytest.mark.parametrize("at_once", [1, 130])
def test_how_many_shuffles_are_answered_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    items, targets = noisy(60)
    sizes = []

    def predict(rows: pl.DataFrame) -> np.ndarray:
        sizes.append(len(rows))
        return (3 * rows["strong"] + rows["weak"]).to_numpy()[:, None]

    groups = [["weak", "noise"]]
    together = importance(predict, items, targets, metrics=metrics_of("regression"), together=groups, permutations=5)
    assert sizes == [60, 600]
    monkeypatch.setattr("headway.inputs.table.importance._ROWS_AT_ONCE", at_once)
    sizes.clear()
    apart = importance(predict, items, targets, metrics=metrics_of("regression"), together=groups, permutations=5)
    assert set(sizes[1:]) == ({60} if at_once == 1 else {120})
    assert apart == together
    assert together.score.value == pytest.approx(np.abs(predict(items) - targets).mean())


def test_of_many_items_some_are_drawn() -> None:
    items, targets = noisy(500)
    assert (
        importance(linear(items, targets), items, targets, metrics=metrics_of("regression"), num_items=100).num_items
        == 100
    )


def test_it_tells_saves_and_draws_itself() -> None:
    items, targets = noisy(60)
    found = importance(linear(items, targets), items, targets, metrics=metrics_of("regression"), permutations=2)
    text = str(found)
    assert text.splitlines()[0].startswith("mae ")
    assert text.splitlines()[0].endswith("60 items, 2 shuffles a column")
    assert text.splitlines()[2].startswith("strong")
    assert [each["columns"] for each in found.to_json()["columns"]] == [["strong"], ["weak"], ["noise"]]
    [axes] = found.plot().axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["noise", "weak", "strong"]
