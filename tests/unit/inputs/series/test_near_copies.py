from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.inputs.series.near_copies import find_copies

COUNT, LENGTH = 120, 160


def waves(seed: int = 0) -> np.ndarray:
    """Series of two channels: slow changes of their own, and noise."""
    draw = np.random.default_rng(seed)
    times = np.linspace(0, 1, LENGTH)
    turns, phases = draw.uniform(1, 12, (COUNT, 2, 4, 1)), draw.uniform(0, 6, (COUNT, 2, 4, 1))
    series = np.sin(2 * np.pi * turns * times + phases).sum(axis=2)
    return (series + 0.1 * draw.normal(size=series.shape)).astype(np.float32)


@pytest.mark.slow
def test_copies_that_are_louder_noisy_rounded_shifted_or_cut() -> None:
    series, draw = waves(), np.random.default_rng(1)
    changes = {
        "louder": lambda one: 3 * one - 1,
        "noisy": lambda one: one + 0.05 * draw.normal(size=one.shape),
        "rounded": lambda one: one.round(1),
        "shifted": lambda one: np.roll(one, 3, axis=1),
        "cut": lambda one: np.concatenate([one[:, 8:], np.repeat(one[:, -1:], 8, axis=1)], axis=1),
    }
    for name, change in changes.items():
        copies = np.stack([change(one) for one in series[:20]])
        pairs = find_copies(np.concatenate([series, copies]))
        assert pairs == [(number, COUNT + number) for number in range(20)], name


def test_series_that_rest_at_both_ends_are_found_shifted_and_rounded() -> None:
    # A gesture between two rests: rounded, the rests are flat, and a shift repeats the first value.
    draw, moments = np.random.default_rng(0), np.linspace(-3, 3, 150)
    widths, middles = draw.uniform(0.5, 0.9, (120, 1)), draw.uniform(-0.4, 0.4, (120, 1))
    own = np.exp(-(((moments - middles) / widths) ** 4)) + 0.3 * draw.normal(size=(120, 1)) * np.exp(
        -((moments - 1) ** 2)
    )
    own += 0.002 * draw.normal(size=own.shape)
    shifted = np.concatenate([own[:20, :1].repeat(5, axis=1), own[:20, :-5]], axis=1)
    rounded = own[20:40].round(2)
    pairs = find_copies(np.concatenate([own, shifted, rounded])[:, None].astype(np.float32))
    assert len(set(pairs) & {(row, 120 + row) for row in range(40)}) >= 38
    assert len(pairs) <= 42


@pytest.mark.slow
def test_series_that_are_alike_by_nature_are_no_copies() -> None:
    draw, times = np.random.default_rng(0), np.linspace(-1, 1, LENGTH)
    # Beats of one heart: the same form, each a little wider or later.
    beats = [np.exp(-(((times - late) / wide) ** 2)) for late, wide in draw.normal((0, 0.2), (0.05, 0.02), (80, 2))]
    beats = np.stack(beats)[:, None] + 0.02 * draw.normal(size=(80, 1, LENGTH))
    assert find_copies(waves()) == find_copies(waves()[:1]) == find_copies(beats.astype(np.float32)) == []
    assert find_copies(np.concatenate([beats, beats[5:6]]).astype(np.float32)) == [(5, 80)]


def test_series_without_any_change_are_copies_of_nothing() -> None:
    flat = np.repeat(np.arange(12, dtype=np.float32), LENGTH).reshape(12, 1, LENGTH)
    assert find_copies(flat) == []


@pytest.mark.slow
def test_copies_are_brought_to_one_side_of_the_split() -> None:
    series = waves()[:, :1]
    copies = 2 * series[:20] + 1
    values = [one[0].tolist() for one in np.concatenate([series, copies])]
    table = pl.DataFrame({"wave": values, "label": ["a", "b"] * 70})
    data = hw.from_items(table, input=hw.Series("wave"), target="label")
    assert sorted(data.near_copies) == [(number, COUNT + number) for number in range(20)]
    assert [(copies.part, len(copies.rows) > 0) for copies in data.copies] == [("valid", True)]
    moved = hw.from_items(table, input=hw.Series("wave"), target="label", near_copies="move")
    assert moved.copies == []
