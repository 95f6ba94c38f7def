"""Checks `rates_by_group`."""

import numpy as np

from headway.course.checking import case, close, equal, function, pure, require, same_as
from headway.judge.intervals import wilson

rates_by_group = function("rates_by_group", "predicted", "targets", "groups")
NAMES = ["missed", "selected", "wrongly selected"]


def people(group: str, *, hit: int, missed: int, wrong: int, refused: int):
    """Answers, targets and groups of so many people of each of the four kinds."""
    counts = (hit, missed, wrong, refused)
    return (
        np.repeat([True, False, True, False], counts),
        np.repeat([True, True, False, False], counts),
        [group] * sum(counts),
    )


def town():
    """Group A with 200 people, group B with 100; the order is mixed, as in any table."""
    a, b = people("A", hit=90, missed=10, wrong=40, refused=60), people("B", hit=24, missed=36, wrong=8, refused=32)
    order = np.random.default_rng(0).permutation(300)
    return tuple(np.concatenate([one, other])[order] for one, other in zip(a, b, strict=True))


@case("has three rates for each group")
def _():
    table = rates_by_group(*town())
    require(isinstance(table, dict), "A dict from groups to rates.", came=table)
    equal(sorted(table), ["A", "B"])
    for rates in table.values():
        equal(sorted(rates), NAMES)


@case("selected counts all people of the group")
def _():
    table = rates_by_group(*town())
    close(table["A"]["selected"][0], 130 / 200, meaning="A: 130 of 200 get a yes")
    close(table["B"]["selected"][0], 32 / 100, meaning="B: 32 of 100 get a yes")


@case("missed counts those who should get a yes")
def _():
    table = rates_by_group(*town())
    close(table["A"]["missed"][0], 10 / 100, meaning="A: 100 should get a yes, 10 of them get a no")
    close(table["B"]["missed"][0], 36 / 60, meaning="B: 60 should get a yes, 36 of them get a no")


@case("wrongly selected counts those who should get a no")
def _():
    table = rates_by_group(*town())
    close(table["A"]["wrongly selected"][0], 40 / 100, meaning="A: 100 should get a no, 40 of them get a yes")
    close(table["B"]["wrongly selected"][0], 8 / 40, meaning="B: 40 should get a no, 8 of them get a yes")


@case("each rate has its interval")
def _():
    share = wilson(36, 60)
    meaning = "36 of 60: the interval counts the people of this rate, not of the whole group"
    close(rates_by_group(*town())["B"]["missed"], (share.value, share.low, share.high), within=1e-9, meaning=meaning)


@case("agrees with counting by hand")
def _():
    def draws(numbers):
        size = int(numbers.integers(150, 400))
        return numbers.random(size) < 0.6, numbers.random(size) < 0.5, numbers.choice(["x", "y", "z"], size)

    def by_hand(predicted, targets, groups):
        shares = []
        for name in "xyz":
            rows = [(bool(p), bool(t)) for p, t, g in zip(predicted, targets, groups, strict=True) if g == name]
            for asked in ([p for p, t in rows], [not p for p, t in rows if t], [p for p, t in rows if not t]):
                shares.append(sum(asked) / len(asked) if len(asked) >= 30 else -1.0)
        return shares

    def learners(*table):
        rates = rates_by_group(*table)
        names = ("selected", "missed", "wrongly selected")
        return [-1.0 if rates[group][name] is None else rates[group][name][0] for group in "xyz" for name in names]

    same_as(learners, by_hand, draws=draws, cases=40, meaning="-1 stands for None")


@case("says nothing about few")
def _():
    few = people("C", hit=20, missed=9, wrong=30, refused=20)
    rates = rates_by_group(few[0], few[1], np.array(few[2]))["C"]
    require(
        rates["missed"] is None,
        "None for `missed`.",
        came=rates["missed"],
        meaning="29 people should get a yes: too few to say",
    )
    require(rates["selected"] is not None, "A value for `selected`.", came=None, meaning="it counts all 79 people")


@case("30 are enough")
def _():
    just = people("C", hit=20, missed=10, wrong=20, refused=20)
    rates = rates_by_group(just[0], just[1], np.array(just[2]))["C"]
    require(rates["missed"] is not None, "A value for `missed`.", came=None, meaning="30 people should get a yes")


@case("leaves the table as it is")
def _():
    pure(rates_by_group, *town())
