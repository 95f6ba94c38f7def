"""Checks an audit of three studies."""

from functools import cache
from statistics import mean

from headway.course.checking import case, equal, function, require, value

corrected = function("corrected", "name", "seed")
# The means of our own correction over 20 seeds.
TRUE = {"voices": 0.58, "rain": 0.75, "genes": 0.46}


@cache
def means(name: str) -> list[float]:
    return [float(corrected(name, seed)) for seed in range(8)]


@case("names what leaks")
def _():
    leaks = value("LEAKS")
    equal(sorted(leaks), ["genes", "rain", "voices"])
    # What is right is not said: it would be copied, and the search for it is the assignment.
    for name, right, question in (
        ("voices", "groups", "Who is in train, and who in valid?"),
        ("genes", "selection", "When were the twenty genes chosen, and on which rows?"),
        ("rain", None, "Which rows does each of its numbers come from?"),
    ):
        require(leaks[name] == right, f"What leaks in {name}, if anything does.", came=leaks[name], meaning=question)


@case("says what is true")
def _():
    for name, ours in TRUE.items():
        came = mean(means(name))
        meaning = "too high: something still leaks" if came > ours else "too low: is it the same method, on all rows?"
        asked = f"The accuracy of {name} without a leak, the mean of eight seeds."
        require(abs(came - ours) <= 0.08, asked, came=f"{came:.2f}", meaning=meaning)


@case("draws its splits by the seed")
def _():
    for name in ("voices", "genes"):
        meaning = "another split gives another number"
        require(len(set(means(name))) > 2, f"Numbers of {name} that differ.", came=means(name)[:3], meaning=meaning)
