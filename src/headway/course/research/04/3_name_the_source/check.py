"""Checks that the sources of bias are named from tables alone."""

import numpy as np

from headway.course.checking import case, equal, function, require
from headway.course.data import loans

sources = function("sources", "table")
DIALS = ["aggregation", "gap", "history", "measurement", "sample"]


def puzzle(seed: int) -> dict[str, float]:
    """Up to three dials and how far they are turned."""
    numbers = np.random.default_rng([4, seed])
    chosen = numbers.choice(DIALS, int(numbers.integers(0, 4)), replace=False)
    return {str(name): float(numbers.uniform(0.5, 1)) for name in chosen}


@case("finds nothing where nothing is")
def _():
    equal(set(sources(loans(9001))), set(), meaning="no dial is on: both groups are treated alike")


@case("finds one dial alone")
def _():
    for number, name in enumerate(DIALS):
        equal(sorted(sources(loans(9010 + number, **{name: 0.9}))), [name], meaning="one dial, at 0.9")


@case("names exactly those that are on")
def _():
    right = sum(set(sources(loans(9100 + seed, **puzzle(seed)))) == set(puzzle(seed)) for seed in range(30))
    require(right >= 26, "Exactly right for 26 or more of 30 tables.", came=f"{right}")
