"""Checks the two sides of the dispute about COMPAS: counts, rates, and what follows from what."""

import numpy as np

from headway.course.checking import case, close, equal, function, require, same_as, value

rates = function("rates", "counts")
forced = function("forced", "base_rate", "precision", "missed")
NAMES = ["hit", "missed", "refused", "wrong"]
# Error rates with intervals as Dressel and Farid measured them again: Science Advances 4 (2018), eaao5580, table 2.
PUBLISHED = {
    "Black": {"wrongly selected": (0.427, 0.469), "missed": (0.257, 0.303)},
    "white": {"wrongly selected": (0.207, 0.265), "missed": (0.452, 0.502)},
}


def by_hand(counts: dict) -> dict:
    """The three rates of one group."""
    return {
        "precision": counts["hit"] / (counts["hit"] + counts["wrong"]),
        "missed": counts["missed"] / (counts["hit"] + counts["missed"]),
        "wrongly selected": counts["wrong"] / (counts["wrong"] + counts["refused"]),
    }


def draws(numbers):
    """Four counts."""
    return (dict(zip(NAMES, (int(count) for count in numbers.integers(5, 900, 4)), strict=True)),)


@case("computes the three rates")
def _():
    order = ("precision", "missed", "wrongly selected")
    same_as(
        lambda counts: [rates(counts)[name] for name in order],
        lambda counts: [by_hand(counts)[name] for name in order],
        draws=draws,
        cases=40,
        meaning="precision, missed, wrongly selected",
    )


@case("knows what is forced")
def _():
    def learners(counts):
        own = by_hand(counts)
        base_rate = (counts["hit"] + counts["missed"]) / sum(counts.values())
        return forced(base_rate=base_rate, precision=own["precision"], missed=own["missed"])

    meaning = "whoever knows the base rate, the precision and the missed knows the wrongly selected"
    same_as(learners, lambda counts: by_hand(counts)["wrongly selected"], draws=draws, cases=40, meaning=meaning)


@case("counted the defendants")
def _():
    counts = value("COUNTS")
    equal(sorted(counts), ["Black", "white"])
    for group, published in PUBLISHED.items():
        equal(sorted(counts[group]), NAMES)
        require(sum(counts[group].values()) > 2000, f"All {group} defendants.", came=sum(counts[group].values()))
        own = by_hand(counts[group])
        for name, (low, high) in published.items():
            asked = f"{group}, {name}: between {low} and {high}, as published"
            require(low <= own[name] <= high, asked, came=own[name], meaning="high risk is a decile score of 5 or more")


@case("sees that precision is near")
def _():
    black, white = (by_hand(value("COUNTS")[group])["precision"] for group in ("Black", "white"))
    close(black, white, within=0.07, meaning='the maker\'s side: "high risk" means nearly the same in both groups')


@case("states both sides")
def _():
    sides = value("SIDES")
    equal(sorted(sides), ["Northpointe", "ProPublica"])
    for name, text in sides.items():
        require(
            len(text.split()) >= 35 and len(text) >= 200, f"200 characters or more for {name}.", came=f"{len(text)}"
        )
        require(any(sign.isdigit() for sign in text), f"A number in the argument of {name}.", came="none")
    require(np.unique(list(sides.values())).size == 2, "Two arguments.", came="the same one twice")
