"""Checks `differences`."""

from headway.course.checking import case, equal, function, raises

differences = function("differences", "first", "second")


@case("takes the second from the first")
def _():
    equal(differences([5, 7], [2, 9]), [3, -2], meaning="5 - 2 and 7 - 9")


@case("pairs by position")
def _():
    equal(differences([1, 2, 3], [3, 2, 1]), [-2, 0, 2], meaning="the first with the first, the last with the last")


@case("works for empty lists")
def _():
    equal(differences([], []), [], meaning="no pairs, no differences")


@case("refuses lists of different lengths")
def _():
    meaning = "zip stops at the shorter list unless it is strict"
    raises(ValueError, lambda: differences([1, 2], [1]), meaning=meaning)
    raises(ValueError, lambda: differences([1], [1, 2]), meaning=meaning)
