"""Checks that the learner's drift test fires on shifts and stays silent on logs of the same source."""

from collections.abc import Callable

import numpy as np

from headway.course.checking import case, function, require

has_drifted = function("has_drifted", "before", "now")


def fired(log: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]) -> int:
    """Of 20 pairs of before and now, how many set off the learner's test."""
    alarms = 0
    for seed in range(20):
        came = has_drifted(*log(np.random.default_rng([3, seed])))
        require(isinstance(came, bool | np.bool_), "True or false.", came=came)
        alarms += bool(came)
    return alarms


def silent(log, meaning: str) -> None:
    alarms = fired(log)
    require(alarms <= 1, "At most one alarm in 20 logs.", came=f"{alarms} alarms", meaning=meaning)


def caught(log, meaning: str) -> None:
    alarms = fired(log)
    require(alarms >= 19, "An alarm in at least 19 of 20 logs.", came=f"{alarms} alarms", meaning=meaning)


@case("stays silent on logs of the same source")
def _():
    silent(lambda numbers: (numbers.normal(0.5, 0.1, 400), numbers.normal(0.5, 0.1, 600)), "nothing has changed")


@case("stays silent on short logs of the same source")
def _():
    meaning = "40 numbers differ much by chance alone: ask whether it could be chance"
    silent(lambda numbers: (numbers.normal(0.5, 0.1, 300), numbers.normal(0.5, 0.1, 40)), meaning)


@case("stays silent on skewed numbers of the same source")
def _():
    draws = lambda numbers: (numbers.beta(8, 0.7, 500), numbers.beta(8, 0.7, 500))  # noqa: E731
    silent(draws, "scores are mostly near 1: do not count on a bell curve")


@case("fires when the middle moves")
def _():
    log = lambda numbers: (numbers.normal(0.5, 0.1, 400), numbers.normal(0.6, 0.1, 200))  # noqa: E731
    caught(log, "every picture has become brighter by as much as they usually differ")


@case("fires when it moves down")
def _():
    log = lambda numbers: (numbers.normal(0.5, 0.1, 400), numbers.normal(0.4, 0.1, 200))  # noqa: E731
    caught(log, "darker is a change as well")


@case("fires when only the spread changes")
def _():
    log = lambda numbers: (numbers.normal(0.5, 0.05, 600), numbers.normal(0.5, 0.2, 600))  # noqa: E731
    caught(log, "the mean is the same: half of the pictures are far too dark, half far too bright")


@case("fires when the form changes")
def _():
    def log(numbers):
        two = np.where(numbers.random(600) < 0.5, 0.35, 0.65) + numbers.normal(0, 0.02, 600)
        return numbers.normal(0.5, two.std(), 600), two

    caught(log, "mean and spread are the same; instead of one sort of pictures there are two")


@case("stays silent where a shift is too small to matter")
def _():
    log = lambda numbers: (numbers.normal(0.5, 0.1, 40_000), numbers.normal(0.505, 0.1, 40_000))  # noqa: E731
    silent(log, "it is real, and a twentieth of the usual spread: ask how large it is")
