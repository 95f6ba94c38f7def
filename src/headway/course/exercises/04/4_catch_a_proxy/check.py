"""Checks that the learner's test lets harmless tables pass and catches those that give the group away."""

import numpy as np
import polars as pl

from headway.course.checking import case, catches, function

test_no_proxy = function("test_no_proxy", "table")
PEOPLE = 600


def people(seed: int, share_b: float = 0.4):
    """A generator of numbers, and who is in group B."""
    numbers = np.random.default_rng(seed)
    return numbers, numbers.random(PEOPLE) < share_b


def frame(is_b, **columns):
    return pl.DataFrame({"group": np.where(is_b, "B", "A"), **columns})


def means(numbers):
    return {"income": numbers.normal(40, 12, PEOPLE).round(1), "debt": numbers.normal(8, 3, PEOPLE).round(1)}


@case("lets harmless columns pass")
def _():
    numbers, is_b = people(1)
    school = numbers.choice(["north", "south", "hill", "lake"], PEOPLE)
    words = frame(is_b, **means(numbers), school=school, owner=numbers.random(PEOPLE) < 0.3)
    gaps = frame(
        is_b, income=[None if lost else 40.0 for lost in numbers.random(PEOPLE) < 0.2], debt=numbers.random(PEOPLE)
    )
    catches(
        test_no_proxy,
        honest={"income, debt, school and house say nothing": words, "values are missing by chance": gaps},
    )


@case("lets many columns of noise pass")
def _():
    numbers, is_b = people(2)
    noise = {f"answer_{number}": numbers.normal(size=PEOPLE) for number in range(40)}
    catches(test_no_proxy, honest={"40 columns, of which some fit by chance": frame(is_b, **noise)})


@case("lets a number for each person pass")
def _():
    numbers, is_b = people(3)
    names = [f"P{number:05}" for number in numbers.permutation(99_999)[:PEOPLE]]
    catches(test_no_proxy, honest={"a name that occurs once cannot help with new people": frame(is_b, person=names)})


@case("lets unequal groups pass")
def _():
    numbers, is_b = people(4, share_b=0.2)
    catches(test_no_proxy, honest={"always saying A is right for 80 of 100": frame(is_b, **means(numbers))})


@case("catches a column that goes with the group")
def _():
    numbers, is_b = people(5)
    district = np.round(4.5 + 3 * is_b + 1.8 * numbers.normal(size=PEOPLE))
    rare, is_rare = people(6, share_b=0.2)
    unequal = frame(is_rare, **means(rare), district=np.round(4.5 + 3 * is_rare + 1.8 * rare.normal(size=PEOPLE)))
    wrong = {
        "district is higher in B": frame(is_b, **means(numbers), district=district),
        "so it is where B is small": unequal,
    }
    catches(test_no_proxy, mutants=wrong)


@case("catches a proxy in the middle")
def _():
    numbers, is_b = people(7)
    hour = np.where(
        is_b, numbers.normal(12, 1.5, PEOPLE), 12 + 5 * numbers.choice([-1, 1], PEOPLE) + numbers.normal(size=PEOPLE)
    )
    catches(
        test_no_proxy,
        mutants={"B applies at noon, A early or late: the means agree": frame(is_b, **means(numbers), hour=hour)},
    )


@case("catches a word")
def _():
    numbers, is_b = people(8)
    a_or_b = numbers.random(PEOPLE) < np.where(is_b, 0.85, 0.15)
    school = np.where(a_or_b, numbers.choice(["oak", "fir"], PEOPLE), numbers.choice(["elm", "ivy", "yew"], PEOPLE))
    catches(test_no_proxy, mutants={"some schools are B's": frame(is_b, **means(numbers), school=school)})


@case("catches what is missing")
def _():
    numbers, is_b = people(9)
    lost = numbers.random(PEOPLE) < np.where(is_b, 0.7, 0.1)
    income = [None if gone else value for gone, value in zip(lost, numbers.normal(40, 12, PEOPLE), strict=True)]
    wrong = {"B's income is often missing": frame(is_b, income=income, debt=numbers.normal(8, 3, PEOPLE))}
    catches(test_no_proxy, mutants=wrong)


@case("catches two columns together")
def _():
    numbers, is_b = people(10)
    first = numbers.normal(size=PEOPLE)
    side = np.where(is_b, 1, -1) * np.sign(first)
    second = side * np.abs(numbers.normal(size=PEOPLE)) + 0.2 * numbers.normal(size=PEOPLE)
    wrong = {"each column says nothing; that both have the same sign says B": frame(is_b, first=first, second=second)}
    catches(test_no_proxy, mutants=wrong)
