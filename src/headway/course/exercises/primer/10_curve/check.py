"""Checks `curve`."""

from headway.course.checking import case, equal, function, require

curve = function("curve", "losses")


def axes_of(losses):
    figure = curve(losses)
    require(hasattr(figure, "axes"), "A figure comes back.", came=figure, meaning="is there a `return figure`?")
    require(len(figure.axes) == 1, "The figure has one pair of axes.", came=len(figure.axes))
    return figure.axes[0]


@case("has one line")
def _():
    equal(len(axes_of([0.9, 0.5]).lines), 1, meaning="`axes.plot` draws a line")


@case("shows the losses")
def _():
    equal([float(y) for y in axes_of([0.9, 0.5, 0.3]).lines[0].get_ydata()], [0.9, 0.5, 0.3], meaning="the y values")


@case("counts epochs from 1")
def _():
    equal([int(x) for x in axes_of([0.9, 0.5, 0.3]).lines[0].get_xdata()], [1, 2, 3], meaning="the x values")


@case("labels both axes")
def _():
    axes = axes_of([0.9])
    equal((axes.get_xlabel(), axes.get_ylabel()), ("epoch", "loss"), meaning="set_xlabel and set_ylabel")
