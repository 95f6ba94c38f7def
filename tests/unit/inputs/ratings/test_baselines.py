from __future__ import annotations

import numpy as np
import pytest

from headway.inputs.ratings.baselines import bias_model
from headway.judge.baselines.base import BaselineData
from tests.judging import baseline_data, baselines_of, run_baselines

NAMES = ["mean", "median", "item mean", "user plus item bias"]


def ratings(count: int, *, users: int = 60, items: int = 40, noise: float = 0.5, seed: int = 0) -> BaselineData:
    """Ratings that are the sum of a number for the user and one for the item, and noise."""
    draw = np.random.default_rng(seed)
    pairs = np.stack([draw.integers(1, users + 1, count), draw.integers(1, items + 1, count)], axis=1)
    by_user, by_item = np.linspace(-1, 1, users + 1), np.sin(np.arange(items + 1))
    targets = 3 + by_user[pairs[:, 0]] + by_item[pairs[:, 1]] + noise * draw.normal(size=count)
    return baseline_data(targets=targets[:, None].astype(np.float32), pairs=pairs)


def rmse(answers: np.ndarray, rows: BaselineData) -> float:
    return float(np.sqrt(((answers - rows.targets) ** 2).mean()))


def split(rows: BaselineData, count: int) -> tuple[BaselineData, BaselineData]:
    places = np.arange(len(rows.targets))
    return rows.take(places[:count]), rows.take(places[count:])


def test_each_baseline_beats_the_one_before_it() -> None:
    train, valid = split(ratings(4_000), 3_000)
    found = run_baselines(train, {"valid": valid}, num_outputs=1, task="regression")
    assert [each.name for each in found] == NAMES
    errors = {each.name: rmse(each.predictions["valid"], valid) for each in found}
    assert errors["user plus item bias"] < errors["item mean"] < errors["mean"]
    assert errors["user plus item bias"] == pytest.approx(0.5, abs=0.05)
    assert [each.size for each in found] == [1, 1, 41, 1 + 61 + 41]


def test_answers_stay_within_what_was_rated_and_what_is_new_gets_means() -> None:
    train, _ = split(ratings(2_000), 2_000)
    new = baseline_data(targets=np.zeros((3, 1), np.float32), pairs=np.array([[0, 5], [60, 0], [0, 0]]))
    found = {each.name: each for each in run_baselines(train, {"new": new}, num_outputs=1, task="regression")}
    assert train["pairs"] is not None
    mean, of_item = train.targets.mean(), train.targets[train["pairs"][:, 1] == 5].mean()
    assert found["item mean"].predictions["new"].flatten() == pytest.approx([of_item, mean, mean])
    user_unknown, item_unknown, both = found["user plus item bias"].predictions["new"].flatten()
    assert both == pytest.approx(mean, abs=1e-6)
    assert item_unknown > mean + 0.7
    assert user_unknown == pytest.approx(of_item, abs=0.15)
    wild = baseline_data(targets=np.array([[1.0], [5.0]] * 50, np.float32), pairs=np.array([[1, 1], [2, 2]] * 50))
    answers = run_baselines(wild, {"a": wild}, num_outputs=1, task="regression", names=NAMES[-1:])[0].predictions["a"]
    assert answers.min() >= 1
    assert answers.max() <= 5


def test_biases_solve_the_penalised_least_squares() -> None:
    """Against the normal equations, with the penalties that it chose."""
    rows = ratings(1_500, users=20, items=15)
    assert rows["pairs"] is not None
    targets = rows.targets[:, 0].astype(np.float64)
    mean, users, items = bias_model(rows["pairs"], targets, sizes=(21, 16), seed=0)
    columns = np.zeros((len(targets), 37))
    columns[np.arange(len(targets)), rows["pairs"][:, 0]] = 1
    columns[np.arange(len(targets)), 21 + rows["pairs"][:, 1]] = 1
    best = min(
        np.abs(columns @ (_ridge(columns, targets - mean, (user, item)) - np.r_[users, items])).max()
        for user in (1, 3, 10, 30, 100)
        for item in (1, 3, 10, 30, 100)
    )
    assert best < 1e-3


def _ridge(columns: np.ndarray, targets: np.ndarray, penalties: tuple[float, float]) -> np.ndarray:
    penalty = np.r_[np.full(21, penalties[0]), np.full(16, penalties[1])]
    return np.linalg.solve(columns.T @ columns + np.diag(penalty), columns.T @ targets)


def test_noise_is_shrunk_more_than_what_is_known() -> None:
    """With ratings that are noise alone the largest penalty is chosen: hardly anything is believed."""
    rows = ratings(400, noise=3.0)
    noise = np.random.default_rng(1).normal(size=len(rows.targets))
    assert rows["pairs"] is not None
    _, users, items = bias_model(rows["pairs"], noise, sizes=(61, 41), seed=0)
    assert max(np.abs(users).max(), np.abs(items).max()) < 0.5


def test_the_same_seed_gives_the_same_answers_and_rows_stay_as_they_are() -> None:
    train, valid = split(ratings(600), 500)
    before = train.targets.copy()
    first, second = (run_baselines(train, {"valid": valid}, num_outputs=1, task="regression") for _ in range(2))
    assert all((a.predictions["valid"] == b.predictions["valid"]).all() for a, b in zip(first, second, strict=True))
    assert (train.targets == before).all()


def test_other_data_have_no_baselines_of_pairs() -> None:
    rows = baseline_data(targets=np.arange(20, dtype=np.float32)[:, None])
    found = run_baselines(rows, {"valid": rows}, num_outputs=1, task="regression")
    assert [each.name for each in found] == NAMES[:2]
    assert set(NAMES) <= set(baselines_of("regression"))
