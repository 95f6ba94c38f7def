"""Items as pictures: which there are for what, and that every one has something to show."""

from __future__ import annotations

import numpy as np
import polars as pl

import headway as hw
from headway.inputs.past.field import Past
from headway.lab.pictures import fitting, pictures

__all__ = ["waves"]


def waves() -> hw.Data:
    """Two classes of waves, fast ones and slow ones."""
    draw = np.random.default_rng(0)
    moments = np.arange(40)
    is_fast = [row % 2 == 1 for row in range(60)]
    series = [np.sin(moments / (2 if fast else 6) + draw.random() * 6).tolist() for fast in is_fast]
    table = pl.DataFrame({"wave": series, "kind": ["fast" if fast else "slow" for fast in is_fast]})
    return hw.from_items(table, target="kind", split=hw.RandomSplit(0.4, seed=0))


def test_what_pictures_there_are_depends_on_the_items() -> None:
    of_series = ["spectrogram", "gramian sum", "gramian difference", "markov transition", "recurrence plot"]
    assert fitting(waves()) == of_series
    draw = np.random.default_rng(0)
    trails = [[draw.normal(size=20).cumsum().tolist() for _ in range(40)] for _ in range(2)]
    table = pl.DataFrame({"x": trails[0], "y": trails[1], "who": ["a", "b"] * 20})
    two = hw.from_items(table, target="who")
    assert fitting(two) == [*of_series, "pointer trail"]
    # A third channel is a button where it is 0 or 1 throughout.
    button = [[float(moment == 10) for moment in range(20)]] * 40
    clicking = hw.from_items(table.with_columns(pl.Series("z", button)), target="who")
    assert fitting(clicking) == [*of_series, "pointer trail"]
    white = [(image == 255).all(axis=2).sum() for image in pictures(clicking, "pointer trail", size=64)]
    assert min(white) >= 9
    assert fitting(hw.from_items(table.with_columns(z="x"), target="who")) == of_series
    rows = hw.from_items({"age": draw.normal(size=40).tolist(), "who": ["a", "b"] * 20}, target="who")
    assert fitting(rows) == ["cells"]
    future = hw.from_items({"x": draw.normal(size=60).tolist()}, target=hw.Future("x", horizon=3))
    assert isinstance(future.input, Past)
    assert fitting(future) == []


def test_every_picture_has_the_size_that_was_asked() -> None:
    data = waves()
    for name in fitting(data):
        drawn = pictures(data, name, size=24)
        assert len(drawn) == len(data.items)
        assert {image.shape for image in drawn} == {(24, 24, 3)}
        assert {image.dtype for image in drawn} == {np.dtype(np.uint8)}
        # Not one grey: the picture has something to show.
        assert all(image.std() > 5 for image in drawn)
