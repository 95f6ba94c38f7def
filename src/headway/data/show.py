"""Pictures of items, with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headway.errors import ConfigError
from headway.seeds import generator
from headway.system.figures import new_figure

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
        raise ConfigError("`n` must be at least 1.", given=f"n={n}", fix="Leave it out for nine.")
    part = data.train
    n = min(n, len(part))
    positions = generator(0, "order").permutation(len(part))[:n]
    chosen = part.items[positions.tolist()]
    items, values = chosen.iter_rows(named=True), data.target.values(chosen)
    targets = data.target.view(part.placed_at(positions), data.input)
    columns = min(n, max(3, round(n**0.5)))
    rows = -(-n // columns)
    figure, places = new_figure(columns=columns, rows=rows, width=2.4, height=2.6)
    for axes in places[n:]:
        axes.remove()
    for axes, item, value, target in zip(places[:n], items, values, targets, strict=True):
        data.input.draw(axes, data.input.from_row(item))
        data.target.draw(axes, value, target)
        axes.set_axis_off()
    return figure
