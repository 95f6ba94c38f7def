from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from headway.judge.intervals import wilson
from headway.targets.category.metrics import (
    METRICS,
    Metric,
    check_predictions,
    confusion_matrix,
    per_class,
)
from tests.judging import evaluate


def predictions(items: int, classes: int, *, seed: int = 0, digits: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are right more often than not; with `digits`, many are equal."""
    draw = np.random.default_rng(seed)
    targets = draw.integers(classes, size=items)
    logits = draw.normal(size=(items, classes))
    logits[np.arange(items), targets] += 1.5
    weights = np.exp(logits)
    probabilities = weights / weights.sum(1, keepdims=True)
    if digits is not None:
        probabilities = np.round(probabilities, digits) + 0.05
        probabilities /= probabilities.sum(1, keepdims=True)
    return probabilities, targets


def one_hot(targets: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes)[targets]


SKLEARN: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
    "accuracy": lambda p, t: sklearn_metrics.accuracy_score(t, p.argmax(1)),
    "error_rate": lambda p, t: sklearn_metrics.zero_one_loss(t, p.argmax(1)),
    "balanced_accuracy": lambda p, t: sklearn_metrics.balanced_accuracy_score(t, p.argmax(1)),
    "macro_f1": lambda p, t: sklearn_metrics.f1_score(t, p.argmax(1), average="macro"),
    "log_loss": lambda p, t: sklearn_metrics.log_loss(t, p),
    "auroc": lambda p, t: sklearn_metrics.roc_auc_score(t, p if p.shape[1] > 2 else p[:, 1], multi_class="ovr"),
    "average_precision": lambda p, t: sklearn_metrics.average_precision_score(
        one_hot(t, p.shape[1]) if p.shape[1] > 2 else t, p if p.shape[1] > 2 else p[:, 1]
    ),
}


@pytest.mark.parametrize("name", sorted(SKLEARN))
@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("digits", [None, 1])
def test_values_are_scikit_learns(name: str, classes: int, digits: int | None) -> None:
    probabilities, targets = predictions(300, classes, digits=digits)
    ours = METRICS.metrics[name].compute(probabilities, targets)
    assert ours == pytest.approx(float(SKLEARN[name](probabilities, targets)), abs=1e-9)


def test_calibration_error_by_hand() -> None:
    # Two bins: 0.95, right once of twice (gap 0.45); 0.6, right twice of twice (gap 0.4).
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.6, 0.4], [0.4, 0.6]])
    found = METRICS.metrics["expected_calibration_error"].compute(probabilities, np.array([0, 1, 0, 1]))
    assert found == pytest.approx((2 * 0.45 + 2 * 0.4) / 4)


@pytest.mark.parametrize("name", sorted(METRICS.metrics))
def test_direction_holds(name: str) -> None:
    metric = METRICS.metrics[name]
    probabilities, targets = predictions(400, 3)
    worse = probabilities[np.random.default_rng(1).permutation(400)]
    gain = metric.compute(probabilities, targets) - metric.compute(worse, targets)
    assert metric.name == name
    assert gain > 0 if metric.higher_is_better else gain < 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["auroc", "macro_f1", "balanced_accuracy", "log_loss"])
def test_intervals_are_those_of_a_bootstrap(name: str) -> None:
    probabilities, targets = predictions(300, 3)
    ours = METRICS.metrics[name].estimate(probabilities, targets)
    draw = np.random.default_rng(0)
    drawn = [draw.integers(300, size=300) for _ in range(250)]
    draws = [float(SKLEARN[name](probabilities[rows], targets[rows])) for rows in drawn]
    low, high = np.quantile(draws, [0.025, 0.975])
    assert [ours.low, ours.high] == pytest.approx([low, high], abs=0.2 * (high - low))


@pytest.mark.slow
def test_calibration_interval_reaches_zero_when_chance_would_do() -> None:
    draw = np.random.default_rng(0)
    metric = METRICS.metrics["expected_calibration_error"]
    calibrated, boastful = [], []
    for _ in range(200):
        confidence = draw.uniform(0.55, 0.99, size=1000)
        probabilities = np.stack([confidence, 1 - confidence], axis=1)
        calibrated.append(metric.estimate(probabilities, (draw.random(1000) > confidence).astype(int)))
        boastful.append(metric.estimate(probabilities, (draw.random(1000) > confidence - 0.1).astype(int)))
    assert all(each.value > 0 for each in calibrated)
    assert np.mean([each.low == 0 for each in calibrated]) >= 0.93
    assert 0.92 <= np.mean([each.low <= 0.1 <= each.high for each in boastful]) <= 0.98
    assert min(each.low for each in boastful) > 0


def test_a_perfect_score_is_not_certain() -> None:
    targets = np.repeat([0, 1, 2], [80, 40, 20])
    found = evaluate(one_hot(targets, 3) * 0.97 + 0.01, targets)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc"):
        assert found[name].value == found[name].high == 1
        assert 0.85 < found[name].low < 0.99
    assert str(found["average_precision"]) == "1.000 (no interval: the rarest class has 20 items, 25 needed)"
    assert found["error_rate"].value == found["error_rate"].low == 0 < found["error_rate"].high
    assert found["balanced_accuracy"].low < found["accuracy"].low


def test_one_class_alone_has_no_ranking() -> None:
    probabilities, _ = predictions(30, 2)
    found = evaluate(probabilities, np.ones(30, dtype=int))
    assert str(found["auroc"]) == str(found["average_precision"]) == "\N{EN DASH}"
    assert found["auroc"].to_json() == {"value": None, "low": None, "high": None}
    assert not math.isnan(found["accuracy"].value)


def test_a_class_that_never_occurs_is_left_out() -> None:
    probabilities, targets = predictions(200, 3)
    wider = np.c_[probabilities, np.zeros(200)]
    found, known = evaluate(wider, targets), evaluate(probabilities, targets)
    assert {name: each.value for name, each in found.items()} == {name: each.value for name, each in known.items()}
    for name in ("balanced_accuracy", "macro_f1", "auroc", "average_precision"):
        needed = 30 if name == "average_precision" else 5
        assert found[name].reason == f"the rarest class has 0 items, {needed} needed"
    assert found["accuracy"] == known["accuracy"]
    scores = per_class(wider, targets, labels=["a", "b", "c", "never"])[3]
    assert [str(each) for each in scores.scores.values()] == ["\N{EN DASH}"] * 3


def test_a_constant_answer_ranks_nothing() -> None:
    found = evaluate(np.full((40, 2), 0.5), np.arange(40) % 2, metrics=["auroc"])["auroc"]
    assert found.value == 0.5
    assert 0.3 < found.low < 0.4 < 0.6 < found.high < 0.7


def test_hardly_an_error_leaves_room_for_one() -> None:
    """100 right answers, each sure by 0.999: one error would make the log loss 0.07."""
    found = evaluate(one_hot(np.arange(100) % 2, 2) * 0.998 + 0.001, np.arange(100) % 2)
    assert found["log_loss"].value == pytest.approx(0.001, abs=1e-4)
    assert 0.07 < found["log_loss"].high < 0.5
    assert found["expected_calibration_error"].high == pytest.approx(0.036, abs=0.001)


def test_a_metric_of_ones_own() -> None:
    probabilities, targets = predictions(100, 2)

    def brier(targets: np.ndarray, probabilities: np.ndarray) -> float:
        return float(((probabilities - one_hot(targets, 2)) ** 2).sum(1).mean())

    own = METRICS.with_metrics([Metric("brier", brier, higher_is_better=False)])
    found = own.evaluate(probabilities, targets, names=["accuracy", "brier"])
    assert found["brier"].value == pytest.approx(2 * sklearn_metrics.brier_score_loss(targets, probabilities[:, 1]))
    assert found["brier"].low < found["brier"].value < found["brier"].high


def test_per_class_scores_are_scikit_learns() -> None:
    probabilities, targets = predictions(300, 4)
    given = probabilities.argmax(1)
    precision, recall, f1, count = sklearn_metrics.precision_recall_fscore_support(targets, given)
    scores = per_class(probabilities, targets, labels=list("abcd"))
    assert [each.label for each in scores] == list("abcd")
    assert [each.count for each in scores] == list(count)
    assert [each.scores["precision"].value for each in scores] == pytest.approx(precision)
    assert [each.scores["recall"].value for each in scores] == pytest.approx(recall)
    assert [each.scores["f1"].value for each in scores] == pytest.approx(f1)
    first = scores[0]
    assert first.scores["recall"] == wilson(int(((given == 0) & (targets == 0)).sum()), first.count)
    assert first.scores["f1"].low < first.scores["f1"].value < first.scores["f1"].high
    assert set(first.to_json()) == {"label", "count", "precision", "recall", "f1"}


def test_confusion_is_scikit_learns() -> None:
    probabilities, targets = predictions(300, 4)
    theirs = sklearn_metrics.confusion_matrix(targets, probabilities.argmax(1))
    assert confusion_matrix(probabilities, targets).tolist() == theirs.tolist()


def test_predictions_are_taken_as_they_come() -> None:
    probabilities, targets = check_predictions(np.eye(2, dtype=np.float16), np.array([0, 1], dtype=np.uint8))
    assert (probabilities.dtype, targets.dtype) == (np.float64, np.int64)
    kept, _ = check_predictions(np.eye(2, dtype=np.float32), np.array([0, 1]))
    assert kept.dtype == np.float32


_MILLION = """
import re
import numpy as np
from headway.targets.category.metrics import METRICS
draw = np.random.default_rng(0)
targets = draw.integers(10, size=1_000_000)
weights = np.exp(draw.normal(size=(1_000_000, 10)).astype(np.float32))
weights[np.arange(1_000_000), targets] *= 4
found = METRICS.evaluate(weights / weights.sum(1, keepdims=True), targets)
assert found["auroc"].high - found["auroc"].low < 0.002
# The kernel's own mark for this program; getrusage would also count the memory of the one that started it.
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024**2)
"""


@pytest.mark.slow
def test_a_million_predictions_take_less_than_a_gigabyte() -> None:
    done = subprocess.run([sys.executable, "-c", _MILLION], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1


def test_few_items_have_no_interval_of_the_calibration_error() -> None:
    probabilities, targets = predictions(99, 2)
    assert evaluate(probabilities, targets)["expected_calibration_error"].reason == "99 items, 100 needed"


def test_a_calibrated_model_may_have_no_calibration_error() -> None:
    """Five errors among 500 answers of 0.99 are what they should be, however few."""
    targets = np.repeat([0, 1], [495, 5])
    found = evaluate(np.tile([0.99, 0.01], (500, 1)), targets)["expected_calibration_error"]
    assert (found.value, found.low) == (pytest.approx(0), 0)
