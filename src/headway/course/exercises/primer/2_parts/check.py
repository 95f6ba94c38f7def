"""Checks `parts`."""

from headway.course.checking import case, equal, function

parts = function("parts", "items")


@case("the first two")
def _():
    equal(parts([1, 2, 3, 4, 5])[0], [1, 2], meaning="positions 0 and 1")


@case("the last two")
def _():
    equal(parts([1, 2, 3, 4, 5])[1], [4, 5], meaning="-2 is the position of the last but one")


@case("every second one")
def _():
    equal(parts([1, 2, 3, 4, 5])[2], [1, 3, 5], meaning="the third number of a slice is its step")


@case("a short list has short parts")
def _():
    equal(parts([7]), ([7], [7], [7]), meaning="a slice that reaches too far ends with the list, without an error")
