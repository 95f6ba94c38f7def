"""Pictures from signs, one for each pixel: a way to draw with nothing but a keyboard."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from headway.errors import ConfigError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["COLOURS", "from_signs"]

COLOURS = {
    "r": "red",
    "o": "orange",
    "y": "gold",
    "g": "green",
    "b": "saddlebrown",
    "k": "black",
    "w": "white",
    "p": "pink",
}
"""What a sign stands for; a dot is the background."""


def from_signs(signs: str, *, size: int = 96, background: str = "white") -> Image.Image:
    """A picture from rows of signs, enlarged.

    Args:
        signs: Rows of signs of equal length, as many as you like; `COLOURS` has their colours, a dot is the background.
        size: Side of the square that it is enlarged to, in pixels.
        background: The colour of a dot.

    Returns:
        An RGB picture of `size` x `size`.

    Raises:
        ConfigError: If the rows differ in length, or a sign has no colour.

    Example:
        >>> from_signs("rr gg").size
        (96, 96)
    """
    from PIL import Image, ImageColor

    rows = signs.split()
    colours = COLOURS | {".": background}
    problem, fix = _problem(rows, "".join(colours))
    if problem:
        raise ConfigError("These signs make no picture.", given=problem, fix=fix)
    picture = Image.new("RGB", (len(rows[0]), len(rows)))
    picture.putdata([ImageColor.getrgb(colours[sign]) for row in rows for sign in row])
    return picture.resize((size, size), Image.Resampling.NEAREST)


def _problem(rows: list[str], known: str) -> tuple[str, str]:
    """What is wrong with the rows and what to do, the first of it; empty texts if nothing is."""
    if not rows:
        return "no signs", "Write rows of signs, such as .rr. and rwwr below each other."
    # What most rows have is what was meant.
    usual = Counter(map(len, rows)).most_common(1)[0][0]
    for number, row in enumerate(rows, start=1):
        unknown = sorted(set(row) - set(known))
        if unknown:
            return f"row {number}, {row}: no colour for {' '.join(unknown)}", f"Use only {' '.join(known)}"
        if len(row) != usual:
            fix = f"Give row {number} as many signs as most rows have, {usual}; a dot is the background."
            return f"row {number}, {row}: {len(row)} signs", fix
    return "", ""
