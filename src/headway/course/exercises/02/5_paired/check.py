"""Checks `paired_interval`."""

import numpy as np

from headway.course.checking import case, close, equal, function, pure, raises, require

paired_interval = function("paired_interval", "ours", "theirs", "seed")


def answers(both: int, neither: int, ours: int, theirs: int) -> tuple[np.ndarray, np.ndarray]:
    """Right or not, for rows that both models, neither, only ours or only theirs gets right."""
    counts = (both, neither, ours, theirs)
    return np.repeat([1, 0, 1, 0], counts), np.repeat([1, 0, 0, 1], counts)


@case("gives the difference of the two shares")
def _():
    difference, low, high = paired_interval(*answers(430, 42, 20, 8), seed=0)
    close(difference, 12 / 500, meaning="ours minus theirs: (450 - 438) of 500")
    require(low < difference < high, "The difference lies inside its interval.", came=f"[{low:.3f}, {high:.3f}]")


@case("the ends are those of 95 of 100")
def _():
    ours, theirs = answers(300, 60, 90, 50)
    _, low, high = paired_interval(ours, theirs, seed=1)
    half = 1.96 * (ours - theirs).std() / 500**0.5
    close((low, high), (0.08 - half, 0.08 + half), within=0.007, meaning="the 2.5th and 97.5th percentile of all draws")


@case("draws rows, not two lists by themselves")
def _():
    _, low, high = paired_interval(*answers(400, 90, 7, 3), seed=2)
    meaning = (
        "both models agree on 490 of 500 rows, so the difference is known well: draw both answers of a row together"
    )
    require(high - low < 0.035, "An interval that is narrower than 3.5 points.", came=high - low, meaning=meaning)


@case("covers the truth in 95 of 100 tests")
def _():
    draws = np.random.default_rng(0)
    covered = 0
    # Few enough that 2,000 draws one after the other, in a loop, are checked in two seconds.
    for seed in range(20):
        kind = draws.choice(4, 120, p=[0.7, 0.1, 0.14, 0.06])
        _, low, high = paired_interval(np.isin(kind, (0, 2)) * 1, np.isin(kind, (0, 3)) * 1, seed)
        covered += low <= 0.08 <= high
    require(covered >= 17, "The true difference lies inside in 17 or more of 20 tests.", came=str(covered))


@case("the seed decides")
def _():
    ours, theirs = answers(613, 207, 121, 83)
    # The ends are whole numbers of rows, so one pair of equal intervals can be luck; three cannot.
    first = [paired_interval(ours, theirs, seed=seed) for seed in range(3, 6)]
    np.random.seed(4)
    again = [paired_interval(ours, theirs, seed=seed) for seed in range(3, 6)]
    equal(again, first, meaning="the same seed, the same interval")
    require(len(set(first)) > 1, "Other seeds, other draws.", came="the same ends every time")


@case("refuses lists of different lengths")
def _():
    raises(ValueError, lambda: paired_interval(np.ones(5), np.ones(4), 0), meaning="which rows would be paired?")


@case("leaves the answers as they are")
def _():
    pure(lambda ours, theirs: paired_interval(ours, theirs, 0), *answers(6, 2, 1, 1))
