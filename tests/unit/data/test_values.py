"""Tests of what a table's rows hold: tokens that are read once, and kept in a file where there are many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.data import values
from headway.data.ragged import Ragged
from headway.data.values import open_values
from headway.inputs.text.field import Text
from headway.system.cache import cache_folder

ITEMS = pl.DataFrame(
    {"row": range(50), "text": [f"a film of {row} parts" + " and more" * (row % 7) for row in range(50)]}
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, into which any text goes, eight rows a piece."""
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path))
    monkeypatch.setattr(values, "MIN_STORE_BYTES", 1)
    monkeypatch.setattr(values, "PIECE", 8)
    return cache_folder("store")


@pytest.fixture
def num_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were read by the field, a number a call."""
    numbers: list[int] = []
    read_rows = Text.read_rows

    def counting(field: Text, items: pl.DataFrame) -> list[np.ndarray]:
        numbers.append(len(items))
        return read_rows(field, items)

    monkeypatch.setattr(Text, "read_rows", counting)
    return numbers


def fitted(rows: pl.DataFrame = ITEMS) -> Text:
    return hw.Text("text").fit(rows)


def opened(items: pl.DataFrame = ITEMS, **options: Any) -> Ragged:
    ragged = open_values(items, fitted(), **options)
    assert isinstance(ragged, Ragged)
    return ragged


def tokens(ragged: Ragged) -> list[list[int]]:
    return [array.tolist() for array in ragged[np.arange(len(ragged))]]


@pytest.mark.slow
@pytest.mark.parametrize("num_different", [9, 2])
def test_rows_are_known_by_the_same_hashes_whatever_is_hashed_at_a_time(
    num_different: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [row % num_different for row in range(9)]
    rows = pl.DataFrame({"row": range(9), "a": numbers, "b": [str(number) if number else None for number in numbers]})
    whole = values.open_table(rows, hw.Table()).contents
    monkeypatch.setattr(values, "PIECE_HASHED", 4)
    assert values.open_table(rows, hw.Table()).contents.to_list() == whole.to_list()
    assert whole.n_unique() == 9


def test_no_rows_have_no_hashes() -> None:
    assert values.open_table(pl.DataFrame({"row": [], "a": []}), hw.Table()).contents.len() == 0


def test_tokens_are_read_once_and_mapped_from_a_file(cache: Path, num_read: list[int]) -> None:
    counts: list[tuple[int, int]] = []
    first = opened(on_progress=lambda done, total: counts.append((done, total)))
    assert isinstance(first.flat, np.memmap)
    assert tokens(first) == [fitted().read(text).tolist() for text in ITEMS["text"]]
    assert num_read == [8, 8, 8, 8, 8, 8, 2]
    assert counts == [(8, 50), (16, 50), (24, 50), (32, 50), (40, 50), (48, 50), (50, 50)]
    assert tokens(opened()) == tokens(first)
    assert len(num_read) == 7
    assert sorted(path.suffix for path in cache.iterdir()) == [".bin", ".json"]


def test_another_split_or_order_has_the_same_tokens(cache: Path, num_read: list[int]) -> None:
    first, count = opened(), len(num_read)
    assert isinstance(again := open_values(ITEMS.reverse(), fitted(ITEMS[:20])), Ragged)
    assert tokens(again) == tokens(first)
    assert len(num_read) == count
    open_values(ITEMS, hw.Text("text", max_tokens=8).fit(ITEMS))
    assert len(num_read) == 2 * count


@pytest.mark.slow
def test_a_killed_reading_goes_on(cache: Path, num_read: list[int]) -> None:
    def stop(done: int, total: int) -> None:
        if done == 24:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        opened(on_progress=stop)
    # A piece that was damaged is read again.
    next(cache.glob("*-8.part")).write_bytes(b"PK\x03\x04 cut off")
    assert num_read == [8, 8, 8]
    ragged = opened()
    assert num_read == [8, 8, 8, 8, 8, 8, 8, 2]
    assert tokens(ragged) == [fitted().read(text).tolist() for text in ITEMS["text"]]
    assert not list(cache.glob("*.part"))


def test_a_few_texts_stay_in_memory(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MIN_STORE_BYTES", 10_000)
    assert not isinstance(opened().flat, np.memmap)
    assert not cache.exists()


def test_rows_that_are_left_out_have_empty_slots(cache: Path) -> None:
    ragged = opened(ITEMS[[3, 7]])
    assert len(ragged) == 8
    assert [len(array) for array in ragged[np.arange(8)]] == [0, 0, 0, len(fitted().read(ITEMS["text"][3])), 0, 0, 0, 7]


def test_a_full_disk_leaves_them_in_memory(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.data.store.MAX_STORE_BYTES", 1)
    assert not isinstance(opened().flat, np.memmap)
    assert not list(cache.glob("*"))


def test_the_folds_of_a_data_set_and_its_run_have_them(cache: Path, num_read: list[int]) -> None:
    items = ITEMS.drop("row").with_columns(pl.Series("label", ["good", "bad"] * 25))
    data = hw.from_items(items, input=hw.Text("text"), target="label", split=hw.RandomSplit(0.2, seed=1))
    again = hw.from_items(items, input=hw.Text("text"), target="label", split=hw.RandomSplit(0.4, seed=2))
    assert sum(num_read) == len(items)
    assert isinstance(again.store.canvases, Ragged)
    np.testing.assert_array_equal(again.valid.canvases([0])[0], data.input.read(again.valid.items["text"][0]))
