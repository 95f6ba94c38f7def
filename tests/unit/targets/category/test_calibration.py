from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from headway.targets.category.calibration import calibrate
from tests.judging import evaluate

METRICS = ["log_loss", "expected_calibration_error"]


def predictions(
    items: int, *, temperature: float, classes: int = 4, seed: int = 0, spread: float = 3.0
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities whose logits are as many times too large as `temperature` says; 1 is calibrated."""
    draw = np.random.default_rng(seed)
    logits = spread * draw.normal(size=(items, classes))
    targets = (softmax(logits).cumsum(1) > draw.random((items, 1))).argmax(1)
    return softmax(temperature * logits), targets


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def log_loss(probabilities: np.ndarray, targets: np.ndarray) -> float:
    return float(-np.log(probabilities[np.arange(len(targets)), targets]).mean())


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_finds_the_temperature_and_that_it_helps(temperature: float) -> None:
    probabilities, targets = predictions(2000, temperature=temperature)
    found = calibrate(probabilities, targets)
    assert temperature / 1.2 < found.temperature.low < temperature < found.temperature.high < temperature * 1.2
    assert found.helps
    assert found.sentence.startswith("Over-confident:" if temperature > 1 else "Not confident enough:")
    assert found.after["log_loss"].value < found.before["log_loss"].value
    assert found.after["expected_calibration_error"].value < 0.5 * found.before["expected_calibration_error"].value
    assert found.before == evaluate(probabilities, targets, metrics=METRICS)
    assert found.gain.value == pytest.approx(found.before["log_loss"].value - found.after["log_loss"].value)
    assert found == calibrate(probabilities, targets)


@pytest.mark.slow
def test_calibrated_probabilities_are_left_alone() -> None:
    helps = [calibrate(*predictions(300, temperature=1.0, seed=seed)).helps for seed in range(60)]
    # Of one side of a 95 % interval.
    assert sum(helps) <= 5
    found = calibrate(*predictions(300, temperature=1.0))
    assert found.sentence.startswith("No scaling of the probabilities is needed: a temperature of ")


def test_temperature_is_the_one_with_the_lowest_loss() -> None:
    probabilities, targets = predictions(5000, temperature=1.7, classes=3)
    best = minimize_scalar(lambda t: log_loss(softmax(np.log(probabilities) / t), targets), bounds=(0.2, 5))
    # The prior weighs next to nothing against 5,000 items.
    assert calibrate(probabilities, targets).temperature.value == pytest.approx(best.x, rel=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("items", "spread"), [(60, 3.0), (200, 8.0), (600, 3.0)])
def test_interval_of_the_temperature_covers(items: int, spread: float) -> None:
    # On the safe side where errors are few: with 60 items some six, with 200 of wide spread nine.
    held = 0
    for seed in range(150):
        probabilities, targets = predictions(items, temperature=2.0, classes=2, seed=seed, spread=spread)
        found = calibrate(probabilities, targets).temperature
        held += found.low <= 2.0 <= found.high
    assert held / 150 > 0.92


def scaled_by(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities with their logits divided by a temperature."""
    return softmax(np.log(probabilities) / temperature)


def test_after_is_cross_fitted() -> None:
    # Labels are drawn by lot: whatever a fold gains from its own items, it cannot gain from the others'.
    draw = np.random.default_rng(0)
    probabilities, targets = softmax(draw.normal(size=(60, 3))), draw.integers(3, size=60)
    found = calibrate(probabilities, targets)
    fitted = scaled_by(probabilities, found.temperature.value)
    assert found.after["log_loss"].value > log_loss(fitted, targets)


def test_bins_show_what_the_calibration_error_measures() -> None:
    probabilities, targets = predictions(400, temperature=2.0)
    found = calibrate(probabilities, targets)
    for bins, metrics in ((found.bins, found.before), (found.bins_after, found.after)):
        gaps = [each.count * abs(each.confidence - each.accuracy.value) for each in bins]
        assert sum(each.count for each in bins) == 400
        assert sum(gaps) / 400 == pytest.approx(metrics["expected_calibration_error"].value)
        assert [each.confidence for each in bins] == sorted(each.confidence for each in bins)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_certain_mistakes_are_finite(dtype: type) -> None:
    targets = np.tile([0, 1, 2], 40)
    given_ = np.where(np.arange(120) < 10, (targets + 1) % 3, targets)
    found = calibrate(np.eye(3, dtype=dtype)[given_], targets)
    # All are equally sure, and 110 of 120 right.
    assert found.helps
    assert found.temperature.value > 5
    assert found.temperature.low < found.temperature.value < found.temperature.high
    assert found.before == evaluate(np.eye(3, dtype=dtype)[given_], targets, metrics=METRICS)
    assert found.gain.value == pytest.approx(found.before["log_loss"].value - found.after["log_loss"].value)
    assert found.after["expected_calibration_error"].value < 0.05 < found.before["expected_calibration_error"].value
    assert json.dumps(found.to_json(), allow_nan=False)


def test_without_errors_nothing_becomes_certain() -> None:
    targets = np.tile([0, 1], 100)
    sure = calibrate(0.98 * np.eye(2)[targets] + 0.01, targets)
    assert 0.1 < sure.temperature.value < 1
    perfect = calibrate(np.eye(2)[targets], targets)
    assert not perfect.helps
    assert perfect.after["log_loss"].value == pytest.approx(0, abs=1e-9)
    assert json.dumps([sure.to_json(), perfect.to_json()], allow_nan=False)


def test_one_class_only() -> None:
    found = calibrate(np.tile([[0.7, 0.3]], (80, 1)), np.zeros(80, dtype=int))
    assert found.temperature.value < 1
    assert [each.count for each in found.bins] == [80]


@pytest.mark.parametrize(
    ("probabilities", "reason"),
    [
        (np.tile([[0.7, 0.3]], (49, 1)), "49 items are too few; at least 50 are needed"),
        (np.tile([[0.7, 0.3]], (1, 1)), "1 items are too few; at least 50 are needed"),
        (np.full((80, 2), 0.5), "every class always has the same probability"),
    ],
)
def test_where_scaling_cannot_be_tried_is_a_blank(probabilities: np.ndarray, reason: str) -> None:
    found = calibrate(probabilities, np.zeros(len(probabilities), dtype=int))
    assert found.reason == reason
    assert not found.helps
    assert math.isnan(found.temperature.value)
    assert found.bins_after == []
    assert found.sentence == f"Temperature scaling was not tried: {reason}."
    as_json = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert as_json["after"]["log_loss"]["value"] is None
    assert as_json["before"]["log_loss"]["value"] is not None
