"""matplotlib: a figure has axes, and axes have lines. Axes without labels tell nobody what they show."""

from matplotlib.figure import Figure


def curve(losses: list[float]) -> Figure:
    """The losses over their epochs, counted from 1; the axes are labelled `epoch` and `loss`."""
    figure = Figure()
    axes = figure.subplots()
    axes.plot(range(1, len(losses) + 1), losses)
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    return figure
