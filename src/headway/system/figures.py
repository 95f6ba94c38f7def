"""How every picture of Headway begins: a matplotlib figure of its own, which a notebook shows once."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["new_figure"]


def new_figure(*, columns: int = 1, rows: int = 1, width: float = 5, height: float = 4) -> tuple[Figure, list[Axes]]:
    """A figure and its axes, row by row; each of them has this width and height, in inches."""
    from matplotlib.figure import Figure

    # Not pyplot's: what is in its list of figures is shown twice in a notebook and never freed.

    class NotebookFigure(Figure):
        """A figure that shows itself where it is the last value of a notebook's cell."""

        def _repr_png_(self) -> bytes:
            file = io.BytesIO()
            self.savefig(file, format="png")
            return file.getvalue()

    figure = NotebookFigure(figsize=(columns * width, rows * height), layout="constrained")
    return figure, [figure.add_subplot(rows, columns, number) for number in range(1, rows * columns + 1)]
