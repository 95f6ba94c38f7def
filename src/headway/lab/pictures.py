"""The items of a data set as pictures of one size, by a representation's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image as PILImage

from headway.data.dataset import Data
from headway.errors import ConfigError, did_you_mean
from headway.representations.bytes import digram, hilbert, raster
from headway.representations.drawings import cells, pointer_trail
from headway.representations.series import (
    gramian_difference,
    gramian_sum,
    markov_transition,
    recurrence_plot,
    shortened,
)
from headway.representations.sound import mel, spectrogram

__all__ = ["REPRESENTATIONS", "Representation", "fitting", "pictures"]

# Moments of a series that a picture of moments by moments has at most.
_MOMENTS = 128


@dataclass(frozen=True)
class Representation:
    """How an item becomes a picture.

    Attributes:
        draw: From one array of what `axes` say to a picture, `[height, width]` or `[height, width, 3]`.
        axes: The axes of an item that it takes, by `Input.axes`: a line for each of its channels, or all of it.
        low: The value that is black.
        high: The value that is white.
        is_smooth: Whether pixels between its own are averages; the cells of a table keep their edges.
    """

    draw: Callable[[np.ndarray], np.ndarray]
    axes: Sequence[str]
    low: float = 0.0
    high: float = 1.0
    is_smooth: bool = True


def _of_moments(draw: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda line: draw(shortened(line, _MOMENTS))


def _trail(item: np.ndarray) -> np.ndarray:
    return pointer_trail(item[:2].T, clicks=item[2] > 0 if len(item) == 3 else None)


_TIME = ("time", "samples")
REPRESENTATIONS: dict[str, Representation] = {
    "spectrogram": Representation(spectrogram, _TIME),
    "mel": Representation(mel, ("samples",)),
    "gramian sum": Representation(_of_moments(gramian_sum), _TIME, low=-1.0),
    "gramian difference": Representation(_of_moments(gramian_difference), _TIME, low=-1.0),
    "markov transition": Representation(_of_moments(markov_transition), _TIME),
    "recurrence plot": Representation(_of_moments(recurrence_plot), _TIME),
    "pointer trail": Representation(_trail, ("channels",)),
    "cells": Representation(cells, ("columns",), is_smooth=False),
    "raster": Representation(raster, ("bytes",), high=255.0, is_smooth=False),
    "hilbert": Representation(hilbert, ("bytes",), high=255.0, is_smooth=False),
    "digram": Representation(digram, ("bytes",)),
}


def fitting(data: Data) -> list[str]:
    """The names of the representations that a data set's items have."""
    # A target that brings its own input, such as a forecast, cannot be learned from another.
    is_free = data.target.own_input(None) is None
    return [name for name in REPRESENTATIONS if is_free and _fits(name, data)]


def _fits(name: str, data: Data) -> bool:
    axes = data.input.axes
    if REPRESENTATIONS[name].axes == ("channels",):
        # Where it goes, to the right and down; and perhaps whether a button is pressed.
        return axes == ("channels", "time") and (data.input.shape[0] == 2 or _has_clicks(data))
    return axes[-1] in REPRESENTATIONS[name].axes


def _has_clicks(data: Data) -> bool:
    """Whether the last of three channels is 0 or 1 at every moment."""
    return data.input.shape[0] == 3 and all(np.isin(array[2], (0, 1)).all() for array in _arrays(data))


def pictures(data: Data, name: str, *, size: int) -> list[np.ndarray]:
    """Every item of a data set as a picture, uint8 `[size, size, 3]`, in the order of its rows.

    Of several channels the first thirds are red, the second green, the last blue; of several windows the first counts.

    Raises:
        ConfigError: If the representation is not known, or not for such items.
    """
    known = fitting(data)
    if name not in known:
        what = f"There is no such picture of {data.input.nouns}."
        fix = did_you_mean(name, ["native", *known])
        raise ConfigError(what, given=repr(name), fix=fix)
    representation, arrays = REPRESENTATIONS[name], _arrays(data)
    if representation.axes == ("columns",):
        arrays = list(_in_shares(data, np.stack(arrays)))
    return [_picture(representation, array, size) for array in arrays]


def _arrays(data: Data) -> list[np.ndarray]:
    field = data.input
    if field.source == "values":
        return list(field.read_rows(data.items))
    return [field.read(value) for value in data.items[field.column]]


def _in_shares(data: Data, table: np.ndarray) -> np.ndarray:
    """A table's columns as the share of the training rows that lie below, so that no outlier darkens the others."""
    train = np.sort(table[(data.items["split"] == "train").to_numpy()], axis=0)
    ranks = [np.searchsorted(column, values, side="right") for column, values in zip(train.T, table.T, strict=True)]
    return np.stack(ranks, axis=1) / len(train)


def _picture(representation: Representation, array: np.ndarray, size: int) -> np.ndarray:
    if array.ndim == 1 or representation.axes == ("channels",):
        drawn: Any = representation.draw(array)
    else:
        # The first window of a recording or a file; of a series each channel.
        lines = array[:1] if representation.axes[-1] in ("samples", "bytes") and array.shape[0] > 1 else array
        lines = lines if "time" in representation.axes else lines[:1]
        layers = np.stack([representation.draw(line) for line in lines])
        thirds = np.array_split(layers, 3) if len(layers) >= 3 else [layers[:1], layers[-1:], layers]
        drawn = np.stack([third.mean(axis=0) for third in thirds], axis=2)
    shares = np.clip((drawn - representation.low) / (representation.high - representation.low), 0, 1)
    grey = (255 * shares).round().astype(np.uint8)
    colour = grey if grey.ndim == 3 else np.repeat(grey[..., None], 3, axis=2)
    how = PILImage.Resampling.BILINEAR if representation.is_smooth else PILImage.Resampling.NEAREST
    return np.asarray(PILImage.fromarray(colour).resize((size, size), how))
