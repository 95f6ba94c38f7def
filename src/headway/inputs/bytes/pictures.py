"""Files in a report: their bytes as a picture, and below it the entropy from one stretch to the next."""

from __future__ import annotations

import numpy as np

from headway.data.dataset import Data
from headway.inputs.bytes.reading import PADDING
from headway.inputs.image.grad_cam import jpeg
from headway.judge.report.report import Picture, Report
from headway.representations.bytes import entropy_curve

__all__ = ["portrait", "report_pictures"]

SIDE, SMALL_SIDE = 200, 72

# Columns of the picture, and lines of the curve below it.
_WIDTH, _CURVE = 64, 16
# Bytes between one point of the curve and the next, at most one for each column.
_STRETCH = 256

_INK, _PAPER = (170, 30, 60), (245, 245, 245)
# By what a byte is, as colours: zero, control characters, printable ASCII, from 128 on, 255; and behind the end.
_COLOURS = np.array([(0, 0, 0), (90, 200, 120), (70, 130, 240), (240, 150, 60), (255, 255, 255), _PAPER], np.uint8)
_NOTHING = 5


def portrait(windows: np.ndarray) -> np.ndarray:
    """A file's windows, int16 `[windows, length]`, as a picture, uint8 `[height, 64, 3]`, its entropy below.

    Bytes stand line by line, coloured by what they are: zero black, control characters green, printable ASCII blue,
    from 128 on orange, 255 white. The curve goes from 0 to 8 bits a byte.
    """
    values = windows[windows < PADDING].astype(np.uint8)
    kinds = np.select([values == 0, values == 255, values >= 128, (values < 32) | (values == 127)], [0, 4, 3, 1], 2)
    kinds = np.pad(kinds, (0, -len(values) % _WIDTH), constant_values=_NOTHING).reshape(-1, _WIDTH)
    # At most as many lines as columns, evenly over the file.
    if len(kinds) > _WIDTH:
        kinds = kinds[np.linspace(0, len(kinds) - 1, _WIDTH).astype(np.int64)]
    curve = entropy_curve(values, window=max(_STRETCH, -(-len(values) // _WIDTH)))
    heights = np.repeat(curve, -(-_WIDTH // len(curve)))[:_WIDTH] / 8 * (_CURVE - 1)
    is_ink = np.arange(_CURVE - 1, -1, -1)[:, None] <= np.round(heights)
    below = np.where(is_ink[..., None], _INK, _PAPER).astype(np.uint8)
    return np.concatenate([_COLOURS[kinds], below])


def report_pictures(data: Data, report: Report) -> dict[int, Picture]:
    """Pictures of the files that the report's sections show, by their rows."""
    shown: dict[int, Picture] = {}
    for section in report.sections.values():
        for row in section.rows:
            image = portrait(_windows(data, row))
            if section.is_small:
                shown.setdefault(row, Picture(jpeg(image, side=SMALL_SIDE)))
            else:
                shown[row] = Picture(jpeg(image, side=SIDE))
    return shown


def _windows(data: Data, row: int) -> np.ndarray:
    for part in map(data.part, data.parts):
        positions = np.flatnonzero(part.rows == row)
        if len(positions):
            return part.canvases(positions)[0]
    message = f"row {row} is in no part"
    raise AssertionError(message)
