"""How every picture of Headway begins: a matplotlib figure of its own, which a notebook shows once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["new_figure"]


def new_figure(*, columns: int = 1, rows: int = 1, width: float = 5, height: float = 4) -> tuple[Figure, list[Axes]]:
    """A figure with its axes.

    Args:
        columns: Pictures a row.
        rows: Rows of pictures.
        width: Width of one picture, in inches.
        height: Its height, in inches.

    Returns:
        The figure and its axes, row by row.
    """
    from matplotlib.figure import Figure

    if "IPython" in sys.modules:
        # A notebook learns to draw figures when pyplot is loaded; the figure itself stays out of pyplot's list, or it
        # would be shown twice and never freed.
        import matplotlib.pyplot  # noqa: F401
    figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
    return figure, [figure.add_subplot(rows, columns, place + 1) for place in range(rows * columns)]
