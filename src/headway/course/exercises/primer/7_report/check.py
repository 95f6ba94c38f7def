"""Checks `line`."""

from headway.course.checking import case, equal, function

line = function("line", "name", "share", "count")


@case("writes the line")
def _():
    equal(line("cats", 0.93456, 1200), "cats: 93.5% of 1,200", meaning="letter by letter, spaces too")


@case("rounds to one digit")
def _():
    equal(line("dogs", 0.5, 10), "dogs: 50.0% of 10", meaning="one digit after the point, also where it is 0")
    equal(line("dogs", 0.12379, 10), "dogs: 12.4% of 10", meaning="rounded, not cut")


@case("groups the digits of the count")
def _():
    equal(line("all", 1.0, 1234567), "all: 100.0% of 1,234,567", meaning="a comma after each three digits")
