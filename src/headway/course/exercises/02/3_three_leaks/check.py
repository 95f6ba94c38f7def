"""Checks that each of the three leaks is gone."""

import numpy as np

from headway.course.checking import case, function, pure, require

honest_accuracy = function("honest_accuracy", "values", "labels", "groups", "seed")


def reported(columns: int, *, copies: int = 1, tables: int, signal: float = 0.0, rows: int = 200) -> float:
    """The mean of what is reported for several tables, whose labels are coin flips unless there is a signal."""
    accuracies = []
    for seed in range(tables):
        draws = np.random.default_rng(seed)
        groups = np.repeat(np.arange(rows // copies), copies)
        labels = np.repeat(draws.integers(0, 2, rows // copies), copies)
        values = np.repeat(draws.normal(size=(rows // copies, columns)), copies, axis=0)
        values = values + signal * labels[:, None] + 0.01 * draws.normal(size=values.shape)
        accuracies.append(honest_accuracy(values, labels, groups, seed=seed))
    return float(np.mean(accuracies))


@case("rows of one group are on one side")
def _():
    came = reported(10, copies=5, tables=12)
    meaning = "each row has four near-copies: where they sit on both sides, the nearest neighbour knows the answer"
    require(came < 0.68, "Coin flips in groups of five: well below 0.68 on average.", came=came, meaning=meaning)


@case("columns are chosen on training rows")
def _():
    came = reported(1000, tables=8, rows=100)
    meaning = "of 1,000 columns of noise ten go with the labels by chance, those of valid and test included"
    require(came < 0.62, "Coin flips with 1,000 columns: below 0.62 on average.", came=came, meaning=meaning)


@case("what is reported has chosen nothing")
def _():
    came = reported(10, tables=60, rows=100)
    meaning = "the best of 13 numbers on the same rows is above the truth by luck: choose on valid, report on test"
    require(0.455 < came < 0.545, "Coin flips: 0.5 on average over 60 tables.", came=came, meaning=meaning)


@case("still finds what is there")
def _():
    came = reported(10, tables=8, signal=1.0)
    require(
        came > 0.8, "With a clear signal more than 0.8 on average.", came=came, meaning="mend the leaks, keep the model"
    )


@case("leaves the table as it is")
def _():
    draws = np.random.default_rng(0)
    values, labels = draws.normal(size=(60, 12)), draws.integers(0, 2, 60)
    pure(lambda *table: honest_accuracy(*table, 0), values, labels, np.arange(60))
