"""Pictures of items, with matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from headway.errors import ConfigError
from headway.seeds import generator
from headway.system.figures import new_figure
from headway.targets.mask.field import UNLABELLED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from headway.data.dataset import Data

__all__ = ["show_items"]


def show_items(data: Data, n: int = 9) -> Figure:
    """A grid of `n` training items, drawn at random (the same each time), as the model sees them.

    Raises:
        ConfigError: If `n` is below 1.
    """
    if n < 1:
        raise ConfigError("`n` must be at least 1.", given=f"n={n}", fix="Leave it out for nine.")
    part = data.train
    n = min(n, len(part))
    positions = generator(0, "order").permutation(len(part))[:n]
    images = data.input.view(part.canvases(positions))
    values, draw = data.target.values(part.items), _DRAWN.get(data.target.task)
    columns = min(n, max(3, round(n**0.5)))
    rows = -(-n // columns)
    figure, places = new_figure(columns=columns, rows=rows, width=2.4, height=2.6)
    for axes in places[n:]:
        axes.remove()
    for axes, image, position in zip(places[:n], images, positions.tolist(), strict=True):
        axes.imshow(image.squeeze(-1) if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
        if draw is None:
            axes.set_title("" if values[position] is None else str(values[position]), parse_math=False)
        else:
            draw(axes, data.target.view(part.placed_at([position]), data.input)[0], len(image))
        axes.set_axis_off()
    return figure


def _points(axes: Axes, target: np.ndarray, size: int) -> None:
    places = (target[:-2].reshape(-1, 2) + 1) * (size / 2) - 0.5
    axes.scatter(*places.T, c=range(len(places)), cmap="cool", edgecolors="white")


def _mask(axes: Axes, target: np.ndarray, size: int) -> None:
    axes.imshow(np.ma.masked_equal(target, UNLABELLED), cmap="tab20", vmin=0, vmax=19, alpha=0.5)


_DRAWN: dict[str, Callable[[Axes, np.ndarray, int], None]] = {"points": _points, "segmentation": _mask}
"""How answers that lie in a picture are drawn on it: axes, the target as it goes with the view, the view's side."""
