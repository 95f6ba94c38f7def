from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.judge.intervals import Estimate, bootstrap, mcnemar, mean, paired_difference, wilson
from headway.targets.category.metrics import METRICS, per_class
from tests.judging import baseline_data, evaluate, run_baselines

TRIALS = 1000

seeds = st.integers(0, 2**32 - 1)
floats = st.floats(-1e6, 1e6, allow_nan=False)


def predictions(items: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    probabilities = draw.dirichlet(np.ones(classes) * draw.uniform(0.1, 2), size=items)
    # Rounded, so that scores are equal now and then.
    probabilities = np.round(probabilities, int(draw.integers(1, 5))) + 0.01
    return probabilities / probabilities.sum(1, keepdims=True), draw.integers(classes, size=items)


def same(one: Estimate, other: Estimate) -> bool:
    return np.allclose(
        [one.value, one.low, one.high], [other.value, other.low, other.high], rtol=0, atol=1e-9, equal_nan=True
    )


def holds(estimate: Estimate) -> bool:
    """Whether the value is inside of its interval, up to rounding."""
    return estimate.low - 1e-12 <= estimate.value <= estimate.high + 1e-12


@settings(deadline=None)
@given(st.integers(0, 500), st.integers(0, 500), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_wilson_holds_its_value_and_mirrors(successes: int, failures: int, confidence: float) -> None:
    if successes + failures == 0:
        return
    found = wilson(successes, successes + failures, confidence)
    mirrored = wilson(failures, successes + failures, confidence)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    assert [1 - mirrored.high, 1 - mirrored.low] == pytest.approx([found.low, found.high], abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(floats, min_size=2, max_size=60), seeds)
def test_mean_holds_its_value_and_does_not_see_the_order(values: list[float], seed: int) -> None:
    array = np.array(values)
    shuffled = np.random.default_rng(seed).permutation(array)
    found, again = mean(array, samples=200), mean(shuffled, samples=200)
    assert found.low <= found.value <= found.high
    assert found == again


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(2, 5), seeds)
def test_metrics_hold_their_values_and_do_not_see_the_order(items: int, classes: int, seed: int) -> None:
    probabilities, targets = predictions(items, classes, seed)
    order = np.random.default_rng(seed).permutation(items)
    found = evaluate(probabilities, targets)
    again = evaluate(probabilities[order], targets[order])
    for name, estimate in found.items():
        assert same(estimate, again[name]), name
        unknown = math.isnan(estimate.value) or estimate.reason
        assert unknown or holds(estimate), name
        assert unknown or estimate.low >= 0, name
        assert name == "log_loss" or unknown or estimate.high <= 1, name


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.integers(2, 60), st.integers(2, 5), seeds)
def test_naming_the_classes_otherwise_changes_nothing(items: int, classes: int, seed: int) -> None:
    probabilities, targets = predictions(items, classes, seed)
    # Nudged, as the first of two equal probabilities wins.
    probabilities = probabilities + np.random.default_rng(seed).uniform(0, 1e-7, size=probabilities.shape)
    names = np.random.default_rng(seed).permutation(classes)
    renamed = np.empty_like(probabilities)
    renamed[:, names] = probabilities
    for name in METRICS.metrics:
        if name in ("auroc", "average_precision") and classes == 2:
            continue  # of the second class, by convention
        found = evaluate(probabilities, targets, metrics=[name])[name]
        assert same(found, evaluate(renamed, names[targets], metrics=[name])[name]), name


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), seeds)
def test_comparing_is_fair(both: int, only_a: int, only_b: int, neither: int, seed: int) -> None:
    counts = [both, only_a, only_b, neither]
    if not sum(counts):
        return
    order = np.random.default_rng(seed).permutation(sum(counts))
    a = np.repeat([True, True, False, False], counts)
    b = np.repeat([True, False, True, False], counts)
    found = paired_difference(a, b, samples=500)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert found == paired_difference(a[order], b[order], samples=500)
    assert 0 <= mcnemar(a, b) == mcnemar(b, a) <= 1


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(2, 30), st.integers(2, 4), seeds)
def test_baselines_give_probabilities_whatever_the_rows(items: int, classes: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows = baseline_data(
        targets=draw.integers(classes, size=items),
        pixels=draw.integers(256, size=(items, *draw.integers(1, 6, size=2), 3)).astype(np.uint8),
        features=draw.normal(size=(items, 4)).astype(np.float32),
    )
    results = run_baselines(rows, {"valid": rows}, num_outputs=classes, seed=seed)
    assert len(results) == 6
    for result in results:
        assert result.predictions["valid"].shape == (items, classes)
        assert result.predictions["valid"].min() >= 0
        assert result.predictions["valid"].sum(1) == pytest.approx(np.ones(items), abs=1e-5)


# Coverage: how often a nominal 95 % interval holds the truth that the data were drawn from.


@pytest.mark.parametrize(("items", "accuracy"), [(100, 0.9), (280, 0.97), (1000, 0.985)])
def test_wilson_covers(items: int, accuracy: float) -> None:
    right = np.random.default_rng(0).binomial(items, accuracy, size=TRIALS)
    covered = [found.low <= accuracy <= found.high for found in (wilson(int(each), items) for each in right)]
    assert 0.93 <= np.mean(covered) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("items", [30, 200])
def test_mean_covers_skewed_items(items: int) -> None:
    draw = np.random.default_rng(0)
    found = [mean(draw.exponential(size=items), samples=400, seed=trial) for trial in range(TRIALS)]
    assert 0.93 <= np.mean([each.low <= 1 <= each.high for each in found]) <= 0.97


@pytest.mark.slow
def test_bootstrap_covers() -> None:
    draw = np.random.default_rng(1)
    covered = []
    for trial in range(TRIALS):
        values = draw.normal(size=20)
        found = bootstrap(lambda rows, values=values: float(values[rows].sum() / 20), 20, samples=400, seed=trial)
        covered.append(found.low <= 0 <= found.high)
    assert 0.93 <= np.mean(covered) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize(("only_a", "only_b"), [(0.04, 0.02), (0.1, 0.02)])
def test_paired_difference_covers(only_a: float, only_b: float) -> None:
    draw = np.random.default_rng(0)
    covered = []
    for trial in range(TRIALS):
        a, b, rest = draw.multinomial(500, [only_a, only_b, 1 - only_a - only_b])
        pair = np.repeat([True, False, True], [a, b, rest]), np.repeat([False, True, True], [a, b, rest])
        found = paired_difference(*pair, samples=1000, seed=trial)
        covered.append(found.low <= only_a - only_b <= found.high)
    assert 0.93 <= np.mean(covered) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "macro_f1", "auroc"])
def test_metrics_cover(name: str) -> None:
    """Four classes, as many items of each; one answer in ten is wrong, at random, and as sure as the right ones."""
    truth = (0.9 + 1 - 0.1 / 3) / 2 if name == "auroc" else 0.9
    draw = np.random.default_rng(0)
    covered = []
    for _ in range(TRIALS):
        targets = draw.integers(4, size=400)
        given = np.where(draw.random(400) < 0.9, targets, (targets + draw.integers(1, 4, size=400)) % 4)
        found = evaluate(np.eye(4)[given], targets, metrics=[name])[name]
        covered.append(found.low <= truth <= found.high)
    assert 0.93 <= np.mean(covered) <= 0.97


def scored(draw: np.random.Generator, items: int) -> tuple[np.ndarray, np.ndarray]:
    """Three classes that overlap, told by a model that is surer of itself than it should be."""
    targets = draw.integers(3, size=items)
    logits = 1.5 * draw.normal(size=(items, 3)) + 2 * np.eye(3)[targets]
    weights = np.exp(2 * logits)
    return weights / weights.sum(1, keepdims=True), targets


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(METRICS.metrics))
def test_metrics_of_probabilities_cover(name: str) -> None:
    """The truth is the metric of 200,000 items; the intervals come from 400."""
    truth = METRICS.score(*scored(np.random.default_rng(99), 200_000), name=name)
    draw = np.random.default_rng(0)
    found = [evaluate(*scored(draw, 400), metrics=[name])[name] for _ in range(TRIALS)]
    assert 0.93 <= np.mean([each.low <= truth <= each.high for each in found]) <= 0.97


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_scores_of_a_class_cover(name: str) -> None:
    """Four classes, as many items of each; one answer in ten is wrong, at random: all three are 0.9."""
    draw = np.random.default_rng(0)
    covered = []
    for _ in range(TRIALS):
        targets = draw.integers(4, size=400)
        given = np.where(draw.random(400) < 0.9, targets, (targets + draw.integers(1, 4, size=400)) % 4)
        found = per_class(np.eye(4)[given], targets, labels=list("abcd"))[1].scores[name]
        covered.append(found.low <= 0.9 <= found.high)
    assert 0.93 <= np.mean(covered) <= 0.97
