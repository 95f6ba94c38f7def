"""Checks `wilson`."""

from headway.course.checking import case, close, function, property, raises, require, same_as

wilson = function("wilson", "k", "n")


@case("is right for 142 of 153")
def _():
    close(wilson(142, 153), (0.875855, 0.959383), within=1e-5, meaning="an accuracy of 0.928 on 153 drawings")


@case("agrees with scipy")
def _():
    from scipy.stats import binomtest

    def draws(numbers):
        n = int(numbers.integers(1, 60))
        return int(numbers.integers(0, n + 1)), n

    def reference(k, n):
        interval = binomtest(k, n).proportion_ci(method="wilson")
        return interval.low, interval.high

    same_as(wilson, reference, draws=draws, cases=60, within=1e-9, meaning="95 %: z is 1.959964")


@case("stays between 0 and 1 and has a width")
def _():
    def holds(k, n):
        low, high = wilson(k, n)
        return -1e-9 <= low < high <= 1 + 1e-9

    def draws(numbers):
        n = int(numbers.integers(1, 40))
        return (0 if numbers.random() < 0.5 else n), n

    meaning = "all right of a few items does not prove a share of 1"
    property(holds, draws=draws, asked="0 <= low < high <= 1, also for none right and all right", meaning=meaning)


@case("covers the truth in 95 of 100 tests")
def _():
    import numpy as np

    draws = np.random.default_rng(0)
    right = draws.binomial(50, 0.9, size=2000)
    ends = {k: wilson(int(k), 50) for k in np.unique(right)}
    share = float(np.mean([ends[k][0] <= 0.9 <= ends[k][1] for k in right]))
    meaning = "2,000 tests of 50 items with a true share of 0.9"
    require(0.93 <= share <= 0.985, "The interval holds 0.9 in 93 to 98 of 100 tests.", came=share, meaning=meaning)


@case("refuses what is no share")
def _():
    for k, n in ((0, 0), (5, 4), (-1, 4)):
        raises(ValueError, lambda k=k, n=n: wilson(k, n), meaning=f"{k} right of {n}")
