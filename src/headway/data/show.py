"""Pictures of items, with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headway.errors import ConfigError, explain
from headway.figures import new_figure
from headway.seeds import generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from headway.data.dataset import Data

__all__ = ["show_items"]


def show_items(data: Data, n: int = 9) -> Figure:
    """A grid of `n` training items, drawn at random (the same each time), as the model sees them.

    Raises:
        ConfigError: If `n` is below 1.
    """
    if n < 1:
        raise ConfigError(explain("`n` must be at least 1.", given=f"n={n}", fix="Leave it out for nine."))
    part = data.train
    n = min(n, len(part))
    positions = generator(0, "order").permutation(len(part))[:n]
    images = data.input.view(part.canvases(positions))
    labels = [str(part.items[data.target.column][int(position)]) for position in positions]
    columns = min(n, max(3, round(n**0.5)))
    rows = -(-n // columns)
    figure, places = new_figure(columns=columns, rows=rows, width=2.4, height=2.6)
    for axes in places[n:]:
        axes.remove()
    for axes, image, label in zip(places[:n], images, labels, strict=True):
        axes.imshow(image.squeeze(-1) if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
        axes.set_title(label, parse_math=False)
        axes.set_axis_off()
    return figure
