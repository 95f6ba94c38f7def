"""What a table's rows hold, as the fitted field reads it: arrays in memory, or tokens of long texts in a file.

Items that differ in length are read a few thousand at a time. Where there is much to read, each of these pieces is kept
in the cache folder, so that a run that was killed goes on behind the last one; in the end the whole is one
memory-mapped file under a key made of the rows' values and of what the field reads by. Another split, fold or run with
the same texts and tokenizer finds it there.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl

from headway.data.ragged import Ragged, RaggedWriter
from headway.data.store import Store, read_store, temporary_file, write_store
from headway.errors import DataError
from headway.inputs.base import Input, is_ragged
from headway.system.cache import cache_folder
from headway.system.files import whole_file
from headway.system.pieces import pieces

__all__ = ["as_text", "open_table", "open_values", "sorted_hashes"]

# Less text than this is read again in a second or two, and is not written to the disk.
MIN_STORE_BYTES = 4 * 2**20

# Rows that are read at a time, and kept as a piece.
PIECE = 2_000

# Rows that are hashed at a time.
PIECE_HASHED = 16_384


def open_table(items: pl.DataFrame, input: Input) -> Store:
    """The store of a table's rows: a hash of each, and which cannot be read. The field reads them once it is fitted.

    Rows that are equal in every column, or of one item by `Input.same_items`, stay on one side of a split. Where more
    than half of the rows have an equal and the input names no items, they are taken as different ones that happen to
    look alike, and each has a hash of its own.
    """
    digests = _digests(map(_texts, pieces(items, PIECE_HASHED)), len(items))
    if input.same_items(items[:1]) is not None:
        _share_hashes(digests, items, input)
        return Store(None, _contents(digests), input.unreadable(items))
    if _num_different(digests) < len(items) / 2:
        numbered = (
            pl.select(pl.format("{}\1{}", rows["row"], _texts(rows))).to_series()
            for rows in pieces(items, PIECE_HASHED)
        )
        digests = _digests(numbered, len(items))
    return Store(None, _contents(digests), input.unreadable(items))


def _share_hashes(digests: np.ndarray, items: pl.DataFrame, input: Input) -> None:
    """Gives rows of one item the hash of one of them, the text of which is the least."""
    names = (pl.Series(input.same_items(rows), dtype=pl.String) for rows in pieces(items, PIECE_HASHED))
    # Of each item's name a hash: the names of texts are the texts.
    is_shared = pl.from_numpy(_digests(names, len(items))).is_duplicated()
    rows = items.filter(is_shared)
    texts = pl.DataFrame({"same": pl.Series(input.same_items(rows), dtype=pl.String), "text": _texts(rows)})
    least = texts.select(pl.col("text").min().over("same")).to_series()
    digests[is_shared.to_numpy()] = _digests([least], len(rows))


def _texts(items: pl.DataFrame) -> pl.Series:
    """All that a row says, as one text."""
    columns = [as_text(items[name]).fill_null("\0") for name in items.columns if name != "row"]
    return pl.select(pl.concat_str(columns, separator="\1")).to_series()


def _digests(texts: Iterable[pl.Series], count: int) -> np.ndarray:
    """A hash of each text, as two numbers, uint64 `[rows, 2]`; the texts come in pieces, as all take much memory."""
    digests, start = np.empty((count, 2), dtype=np.uint64), 0
    for piece in texts:
        data = b"".join(hashlib.blake2b(text.encode(), digest_size=16).digest() for text in piece)
        digests[start : start + len(piece)] = np.frombuffer(data, dtype=np.uint64).reshape(-1, 2)
        start += len(piece)
    return digests


def _num_different(digests: np.ndarray) -> int:
    """How many of them differ, by one of their numbers, in which hardly ever two different ones are the same."""
    numbers = np.sort(digests[:, 0])
    return min(len(numbers), 1) + int(np.count_nonzero(numbers[1:] != numbers[:-1]))


def _contents(digests: np.ndarray) -> pl.Series:
    """The hashes as a column of texts."""
    texts = [pl.Series(dtype=pl.String)]
    for piece in pieces(digests):
        text = piece.tobytes().hex()
        texts.append(pl.Series([text[start : start + 32] for start in range(0, len(text), 32)], dtype=pl.String))
    return pl.concat(texts)


def sorted_hashes(contents: pl.Series) -> np.ndarray:
    """A number for each text, uint64, sorted: equal ones are neighbours. To sort texts takes several times as much."""
    hashes = np.empty(len(contents), dtype=np.uint64)
    for part, piece in zip(pieces(hashes), pieces(contents), strict=True):
        part[:] = piece.hash().to_numpy()
    hashes.sort()
    return hashes


def as_text(column: pl.Series) -> pl.Series:
    """A column's values as text; polars writes no lists."""
    if not column.dtype.is_nested():
        return column.cast(pl.String)
    return pl.Series(
        column.name, [None if value is None else repr(value) for value in column.to_list()], dtype=pl.String
    )


def open_values(
    items: pl.DataFrame,
    input: Input,
    *,
    others: pl.DataFrame | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> np.ndarray | Ragged:
    """What the fitted field makes of each row, in slots numbered by the column "row".

    `others` are further rows, such as those without a target. Where items differ in length, `on_progress` is called
    now and then with the number of rows read and their total.

    Raises:
        DataError: If a row cannot be read.
    """
    frames = [items] if others is None or others.is_empty() else [items, others]
    if is_ragged(input.axes):
        items = pl.concat(frames, how="diagonal_relaxed") if len(frames) > 1 else items
        items = items if items["row"].is_sorted() else items.sort("row")
        return _open_ragged(items, input, on_progress or (lambda done, total: None))
    try:
        # One frame after the other: to join them would copy the table.
        arrays = [np.asarray(input.read_rows(frame), dtype=input.dtype) for frame in frames]
    except DataError:
        # What cannot be read is named of all rows.
        input.read_rows(pl.concat(frames, how="diagonal_relaxed"))
        raise
    rows = [frame["row"].to_numpy() for frame in frames]
    if len(frames) == 1 and np.array_equal(rows[0], np.arange(len(items))):
        return arrays[0]
    slots = np.zeros((max(map(_num_slots, frames)), *arrays[0].shape[1:]), dtype=input.dtype)
    for places, array in zip(rows, arrays, strict=True):
        slots[places] = array
    return slots


def _num_slots(items: pl.DataFrame) -> int:
    return int(items["row"].to_numpy().max(initial=-1)) + 1


def _open_ragged(items: pl.DataFrame, input: Input, on_progress: Callable[[int, int], None]) -> Ragged:
    columns = [as_text(items[name]).fill_null("\0") for name in input.columns]
    size, folder = sum(int(column.estimated_size()) for column in columns), cache_folder("store")
    key = _key(items["row"], columns, input) if size >= MIN_STORE_BYTES else ""
    if key and (known := read_store(folder, key)) and isinstance(known.canvases, Ragged):
        return known.canvases
    # A token takes about as many bytes as the letters that it stands for.
    temporary = temporary_file(folder, size) if key else None
    writer = RaggedWriter(_num_slots(items), len(input.axes), input.dtype, temporary)
    try:
        files = [folder / f"{key}-{start}.part" for start in range(0, len(items), PIECE)]
        for number, file in enumerate(files):
            rows = items[number * PIECE : (number + 1) * PIECE]
            arrays = _read_piece(rows, input, file if temporary else None)
            for row, array in zip(rows["row"], arrays[np.arange(len(rows))], strict=True):
                writer[row] = array
            on_progress(min((number + 1) * PIECE, len(items)), len(items))
        ragged = writer.finish()
        assert ragged is not None
        if temporary is None:
            return ragged
        stored = write_store(Store(ragged, pl.repeat("", len(ragged), eager=True)), folder, key, temporary).canvases
        for file in files:
            file.unlink(missing_ok=True)
        return stored if isinstance(stored, Ragged) else ragged
    finally:
        if temporary is not None:
            writer.close()
            temporary.unlink(missing_ok=True)


def _key(rows: pl.Series, columns: list[pl.Series], input: Input) -> str:
    """A name for what these values come to, whatever they are called and on which side of a split they are."""
    settings = {**input.reading(), "dtype": np.dtype(input.dtype).str, "headway": version("headway")}
    digest = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=16)
    digest.update(rows.to_numpy().tobytes())
    for column in columns:
        for text in column:
            data = text.encode()
            digest.update(b"%d\0" % len(data))
            digest.update(data)
    return digest.hexdigest()


def _read_piece(rows: pl.DataFrame, input: Input, file: Path | None) -> Ragged:
    """What the field makes of some of the rows; from the file where it has them, else it is written."""
    if file is not None and (known := _known_piece(file, len(rows))):
        return known
    writer = RaggedWriter(len(rows), len(input.axes), input.dtype)
    for position, array in enumerate(input.read_rows(rows)):
        writer[position] = array
    ragged = writer.finish()
    assert ragged is not None
    if file is not None:
        with whole_file(file) as draft, draft.open("wb") as opened:
            np.savez(opened, flat=ragged.flat, starts=ragged.starts, shapes=ragged.shapes)
    return ragged


def _known_piece(file: Path, count: int) -> Ragged | None:
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            ragged = Ragged(arrays["flat"], arrays["starts"], arrays["shapes"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return ragged if len(ragged) == count else None
