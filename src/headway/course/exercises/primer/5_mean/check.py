"""Checks `RunningMean`."""

from headway.course.checking import case, close, function

make = function("RunningMean")


def mean_of(numbers):
    mean = make()
    for number in numbers:
        mean.add(number)
    return mean.value()


@case("is the mean")
def _():
    close(mean_of([1, 3]), 2.0, meaning="4 in all, divided by 2")
    close(mean_of([2, 2, 5]), 3.0, meaning="9 in all, divided by 3")


@case("counts zeros too")
def _():
    close(mean_of([0, 0, 3]), 1.0, meaning="a zero is a number: 3 divided by 3")


@case("is 0.0 at first")
def _():
    close(mean_of([]), 0.0, meaning="no numbers yet")


@case("two of them do not share their numbers")
def _():
    first, second = make(), make()
    first.add(10)
    close(second.value(), 0.0, meaning="what belongs to one object is set on self, in __init__")


@case("can be asked twice")
def _():
    mean = make()
    mean.add(4)
    mean.value()
    close(mean.value(), 4.0, meaning="asking changes nothing")
