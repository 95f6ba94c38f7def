"""matplotlib: a figure has axes, and axes have lines. Axes without labels tell nobody what they show.

figure = curve([0.9, 0.5, 0.3])    a line through (1, 0.9), (2, 0.5), (3, 0.3)
"""

from matplotlib.figure import Figure


def curve(losses: list[float]) -> Figure:
    """The losses over their epochs, counted from 1; the axes are labelled `epoch` and `loss`."""
    # Write it here: `figure = Figure()`, `axes = figure.subplots()`, then draw on the axes.
    raise NotImplementedError
