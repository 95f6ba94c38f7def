"""Checks `scaled`."""

from headway.course.checking import case, close, function, raises

scaled = function("scaled", "value")


@case("uses its defaults")
def _():
    close(scaled(5), 0.5, meaning="5 lies half way between 0 and 10")
    close(scaled(0), 0.0, meaning="the lower end")


@case("uses what is passed by name")
def _():
    close(scaled(5, low=5), 0.0, meaning="the lower end is 5 now")
    close(scaled(6, low=4, high=8), 0.5, meaning="6 lies half way between 4 and 8")


@case("goes on outside of both ends")
def _():
    close(scaled(20), 2.0, meaning="(20 - 0) / (10 - 0)")
    close(scaled(-5), -0.5, meaning="(-5 - 0) / (10 - 0)")


@case("refuses limits without a name")
def _():
    raises(TypeError, lambda: scaled(5, 0, 10), meaning="a * in the line with def makes what follows need its name")
