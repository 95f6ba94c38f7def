"""Checks `even_squares`."""

from headway.course.checking import case, equal, function, pure

even_squares = function("even_squares", "numbers")


@case("squares what is even")
def _():
    equal(even_squares([1, 2, 3, 4]), [4, 16], meaning="2 and 4 are even; their squares are 4 and 16")


@case("zero and negative numbers are even too")
def _():
    equal(even_squares([0, -2, -3]), [0, 4], meaning="-2 divided by 2 leaves no remainder, and neither does 0")


@case("keeps order and repeats")
def _():
    equal(even_squares([6, 2, 2]), [36, 4, 4], meaning="a list, in the order of the numbers")


@case("leaves the numbers as they are")
def _():
    equal(pure(even_squares, [2, 4]), [4, 16])
    equal(even_squares([]), [], meaning="from nothing comes an empty list")
