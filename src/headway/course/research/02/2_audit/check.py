"""Checks an audit of three studies."""

from functools import cache
from statistics import mean

from headway.course.checking import case, equal, function, require, value
from headway.course.published import load_study

corrected = function("corrected", "name", "table", "seed")
# The means of our own correction over 20 seeds.
TRUE = {"voices": 0.58, "rain": 0.75, "genes": 0.46}
# The same for the studies done again with this seed: other people have other voices.
AGAIN, TRUE_AGAIN = 8, {"voices": 0.80, "rain": 0.74, "genes": 0.46}
SEEDS = range(16)


@cache
def numbers(name: str, again: int = 0) -> list[float]:
    table = load_study(name, seed=again)
    return [float(corrected(name, table, seed)) for seed in SEEDS]


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
        came = mean(numbers(name))
        meaning = "too high: something still leaks" if came > ours else "too low: is it the same method, on all rows?"
        asked = f"The accuracy of {name} without a leak, the mean of 16 seeds."
        require(abs(came - ours) <= 0.08, asked, came=f"{came:.2f}", meaning=meaning)


@case("draws its splits by the seed")
def _():
    for name in ("voices", "genes"):
        meaning = "another split gives another number"
        require(len(set(numbers(name))) > 2, f"Numbers of {name} that differ.", came=numbers(name)[:3], meaning=meaning)


@case("says what is true of the study done again")
def _():
    for name, ours in TRUE_AGAIN.items():
        came = mean(numbers(name, AGAIN))
        meaning = "the same study with other people or days: `corrected` must use the table that it is given"
        require(abs(came - ours) <= 0.08, f"The accuracy of {name}.", came=f"{came:.2f}", meaning=meaning)
