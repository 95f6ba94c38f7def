"""Checks `most_frequent`."""

from headway.course.checking import case, equal, function

most_frequent = function("most_frequent", "labels")


@case("counts")
def _():
    equal(most_frequent(["cat", "dog", "cat"]), "cat", meaning="cat is there twice")
    equal(most_frequent(["ant", "dog", "dog"]), "dog", meaning="dog is there twice")


@case("the alphabet decides")
def _():
    equal(most_frequent(["dog", "cat"]), "cat", meaning="both are there once, and cat comes first in the alphabet")
    equal(most_frequent(["b", "c", "a", "a", "b", "c"]), "a", meaning="all are there twice")


@case("no labels, no answer")
def _():
    equal(most_frequent([]), None, meaning="`max` and `min` have an argument for the case that there is nothing")
