from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from headway.judge.intervals import Estimate, average, bootstrap, mcnemar, mean, paired_difference, rate, wilson
from headway.targets.categories.metrics import logit_normal


def pairs(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = [both, only_a, only_b, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


def ends(estimate: Estimate) -> list[float]:
    return [estimate.low, estimate.high]


def test_an_estimate_shows_and_saves_itself() -> None:
    known, unknown = Estimate(0.9871, 0.975, 0.9934), Estimate(math.nan, math.nan, math.nan)
    assert str(known) == "0.987 [0.975, 0.993]"
    assert str(unknown) == "\N{EN DASH}"
    assert known.scaled(100).to_json() == pytest.approx({"value": 98.71, "low": 97.5, "high": 99.34})
    assert json.dumps(unknown.to_json()) == '{"value": null, "low": null, "high": null}'
    assert str(Estimate(1.0, -math.inf, math.inf)) == "1.000 (no interval: too few items)"
    assert Estimate(1.0, -math.inf, math.inf).to_json() == {"value": 1.0, "low": None, "high": None}


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (0, 50), (1, 7), (49, 50), (50, 50), (123, 1000)])
def test_wilson_is_scipys(successes: int, trials: int, confidence: float) -> None:
    theirs = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    ours = wilson(successes, trials, confidence)
    assert ours.value == successes / trials
    assert ends(ours) == pytest.approx([theirs.low, theirs.high], abs=1e-9)


def test_wilson_without_trials_is_not_known() -> None:
    assert math.isnan(wilson(0, 0).value)


def test_mean_agrees_with_scipys_bootstrap_and_leans_to_the_long_tail() -> None:
    values = np.random.default_rng(1).exponential(size=400)
    ours = mean(values, samples=4000)
    theirs = stats.bootstrap((values,), np.mean, method="BCa", rng=np.random.default_rng(0)).confidence_interval
    assert ours.value == pytest.approx(values.mean())
    assert ends(ours) == pytest.approx([theirs.low, theirs.high], abs=0.015)
    assert ours.high - ours.value > ours.value - ours.low


def test_mean_of_few_is_students() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0])
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert ends(mean(values)) == pytest.approx([theirs.low, theirs.high])


def test_mean_of_many_is_normal() -> None:
    values = np.random.default_rng(1).exponential(size=5000)
    error = stats.sem(values)
    assert ends(mean(values)) == pytest.approx([values.mean() - 1.96 * error, values.mean() + 1.96 * error], abs=1e-4)
    just_fewer = mean(values[:-1])
    assert ends(just_fewer) == pytest.approx(ends(mean(values)), abs=0.01)


def test_mean_at_its_limits() -> None:
    assert math.isnan(mean(np.array([])).value)
    assert mean(np.array([3.0])) == Estimate(3.0, -math.inf, math.inf)
    assert mean(np.full(20, 3.0)) == Estimate(3.0, 3.0, 3.0)
    # One in a hundred: most resamples that miss it have no spread, and must not make the interval end at the mean.
    rare = mean(np.repeat([0.0, 1.0], [99, 1]))
    assert 0.04 < rare.high < 0.1


@pytest.mark.slow
def test_bootstrap_is_scipys_bca() -> None:
    x = np.random.default_rng(0).multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], size=150)
    ours = bootstrap(lambda rows: float(np.corrcoef(x[rows].T)[0, 1]), len(x), samples=3000)
    theirs = stats.bootstrap(
        (x[:, 0], x[:, 1]),
        lambda a, b: np.corrcoef(a, b)[0, 1],
        paired=True,
        vectorized=False,
        n_resamples=3000,
        method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert ends(ours) == pytest.approx([theirs.low, theirs.high], abs=0.01)


def test_bootstrap_leans_to_the_long_tail_as_scipys_does() -> None:
    values = np.random.default_rng(1).exponential(size=100)
    ours = bootstrap(lambda rows: float(values[rows].var()), 100, samples=10_000)
    theirs = stats.bootstrap(
        (values,), lambda x, axis: np.var(x, axis=axis), n_resamples=10_000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    lean = (ours.high - ours.value) / (ours.value - ours.low)
    assert lean == pytest.approx((theirs.high - ours.value) / (ours.value - theirs.low), rel=0.15)
    assert lean > 2.3


def test_bootstrap_of_many_rows_resamples_some_and_scales() -> None:
    values = np.random.default_rng(0).exponential(size=40_000)
    sizes = []

    def mean(rows: np.ndarray) -> float:
        sizes.append(len(rows))
        return float(values[rows].mean())

    ours = bootstrap(mean, len(values), samples=500)
    assert sum(size <= 5_000 for size in sizes) == 500
    width = 2 * 1.96 * stats.sem(values)
    assert ours.high - ours.low == pytest.approx(width, rel=0.12)


def test_bootstrap_is_the_seeds() -> None:
    values = np.random.default_rng(0).exponential(size=30)

    def median(seed: int) -> Estimate:
        return bootstrap(lambda rows: float(np.median(values[rows])), 30, samples=200, seed=seed)

    assert median(1) == median(1)
    assert ends(median(1)) != ends(median(2))


def test_bootstrap_of_one_row_is_open() -> None:
    assert bootstrap(lambda rows: float(len(rows)), 1) == Estimate(1.0, -math.inf, math.inf)


def test_bootstrap_leaves_out_resamples_without_a_value() -> None:
    values = np.arange(10.0)
    often = bootstrap(lambda rows: float(values[rows].mean()) if len(set(rows)) > 5 else math.nan, 10)
    assert often.low < 4.5 < often.high
    hardly = bootstrap(lambda rows: float(values[rows].mean()) if len(set(rows)) > 8 else math.nan, 10)
    assert math.isnan(hardly.value)


def test_average_of_independent_proportions_covers() -> None:
    draw = np.random.default_rng(0)
    hits = 0
    for _ in range(500):
        found = average([wilson(int(draw.binomial(n, p)), n) for n, p in [(60, 0.99), (25, 0.9), (200, 0.97)]])
        hits += found.low <= (0.99 + 0.9 + 0.97) / 3 <= found.high
    assert 0.92 <= hits / 500 <= 0.98


def test_average_leaves_out_what_is_not_known() -> None:
    known, unknown = wilson(8, 10), wilson(0, 0)
    assert average([known, unknown]) == average([known])
    assert ends(average([known])) == pytest.approx(ends(known))
    assert math.isnan(average([unknown]).value)
    wider = average([known, known], shared=1.0)
    assert ends(wider) == pytest.approx(ends(known))
    assert average([known, known]).low > wider.low


def test_logit_normal_stays_between_0_and_1() -> None:
    assert ends(logit_normal(0.5, 0.01)) == pytest.approx([0.5 - 0.0196, 0.5 + 0.0196], abs=1e-4)
    low, high = ends(logit_normal(0.9999, 0.01))
    assert 0 <= low < 0.9999 < high <= 1


def test_paired_difference_is_a_paired_bootstrap() -> None:
    a, b = pairs(800, 120, 60, 20)
    ours = paired_difference(a, b)
    difference = a.astype(float) - b
    theirs = stats.bootstrap((difference,), np.mean, rng=np.random.default_rng(0)).confidence_interval
    assert ours.value == pytest.approx(0.06)
    assert ends(ours) == pytest.approx([theirs.low, theirs.high], abs=0.003)


def test_two_models_that_never_differ_are_not_known_to_be_equal() -> None:
    a, b = pairs(270, 0, 0, 10)
    found = paired_difference(a, b)
    assert found.value == 0
    assert found.low < 0 < found.high
    assert mcnemar(a, b) == 1.0


@pytest.mark.parametrize("counts", [(80, 15, 5, 0), (500, 3, 0, 10), (10, 4, 4, 2), (0, 0, 9, 0), (900, 60, 25, 15)])
def test_mcnemar_is_statsmodels(counts: tuple[int, int, int, int]) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    both, only_a, only_b, neither = counts
    theirs = tables.mcnemar([[both, only_a], [only_b, neither]], exact=True).pvalue
    assert mcnemar(*pairs(*counts)) == pytest.approx(min(theirs, 1.0))


@pytest.mark.parametrize(("items", "truth"), [(30, 0.9945), (30, 0.0055), (100, 0.9984), (500, 0.998)])
def test_the_interval_of_a_rate_near_the_end_holds_the_truth(items: int, truth: float) -> None:
    counts = range(items + 1)
    held = [rate(count, items).low <= truth <= rate(count, items).high for count in counts]
    covered = stats.binom.pmf(counts, items, truth)[held].sum()
    assert covered > 0.975
    plain = [wilson(count, items).low <= truth <= wilson(count, items).high for count in counts]
    assert stats.binom.pmf(counts, items, truth)[plain].sum() < 0.925


def test_rates_are_wilsons_where_more_is_seen_and_at_the_ends() -> None:
    for successes, trials in ((0, 30), (30, 30), (3, 50), (4, 51), (47, 50)):
        assert rate(successes, trials) == wilson(successes, trials)
    assert rate(1, 2).low == pytest.approx(1 - rate(1, 2).high)
    assert rate(3, 51).low < wilson(3, 51).low
    assert rate(48, 51).high > wilson(48, 51).high
    assert rate(3, 51).high == wilson(3, 51).high
