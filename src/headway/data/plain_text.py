"""A large table of plain text, read a piece at a time: its text takes several times as much memory as its values.

Plain is UTF-8 without quotes, in which every line has as many values as there are columns, or fewer. Whatever else a
file holds is left to `headway.data.delimited`, which reads it as a whole and names lines in its errors.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headway.data.delimited import MAX_COLUMNS, beginning, column_names, data_rows, named, tell_rows
from headway.data.text_columns import decimal_mark, numbers_of_piece, stripped
from headway.system.files import open_file

if TYPE_CHECKING:
    import polars as pl

__all__ = ["read_plain_text"]

# Read at a time; a smaller file is read as a whole. It must be longer than what a separator is recognised by.
PIECE_BYTES = 2**21


def read_plain_text(
    file: Path, separator: str | None, usual: str, *, max_bytes: int, tell: Callable[[str], object]
) -> tuple[pl.DataFrame, str] | None:
    """The table, its columns as numbers where all their values are plain ones, else as text; and its separator.

    The arguments are those of `parse_text`. None where the file is not plain, or small.

    Raises:
        OSError: If the file cannot be read, or has more than `max_bytes`.
    """
    import polars as pl

    if file.stat().st_size <= PIECE_BYTES or not _is_plain(file, max_bytes):
        return None
    notes: list[str] = []
    try:
        layout = _layout(file, separator, usual, max_bytes, notes.append)
        columns, left_out = _read(file, layout)
        # A column that turned out later on to hold more than numbers is read once more.
        late = {name for name, column in columns.items() if column.is_late}
        columns |= _read(file, layout, as_text=late)[0] if late else {}
    except (pl.exceptions.PolarsError, _NotPlainError):
        return None
    tell_rows(left_out, notes.append)
    named(layout.empty, layout.header, notes.append)
    # By name: of a list of columns polars would name the one that has none.
    frame = pl.DataFrame({name: column.whole() for name, column in columns.items()})
    # Whether 1.445 is one and a half or a thousand and more is seen from the other columns.
    if decimal_mark(frame, layout.between) == ",":
        return None
    for note in notes:
        tell(note)
    return frame, layout.between


class _NotPlainError(Exception):
    """The file holds what is not read a piece at a time."""


def _is_plain(file: Path, max_bytes: int) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    has_lines = False
    with open_file(file, max_bytes=max_bytes) as opened:
        while piece := opened.read(PIECE_BYTES):
            if b'"' in piece or b"\0" in piece:
                return False
            try:
                decoder.decode(piece)
            except UnicodeDecodeError:
                return False
            has_lines = has_lines or b"\n" in piece
    return has_lines and not decoder.getstate()[0]


@dataclass(frozen=True)
class _Layout:
    """What the first lines say: in which byte the rows begin, the separator, and the columns' names.

    `first` is the line of these names, and `empty` what polars makes of it. The file has at most `max_bytes`.
    """

    start: int
    between: str
    header: list[str]
    first: bytes
    empty: pl.DataFrame
    max_bytes: int


def _layout(file: Path, separator: str | None, usual: str, max_bytes: int, tell: Callable[[str], object]) -> _Layout:
    import polars as pl

    with open_file(file, max_bytes=max_bytes) as opened:
        data = opened.read(PIECE_BYTES)
    mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    # The last character may be cut.
    text = data[mark:].decode(errors="ignore")
    start, between = beginning(text, separator, usual, tell)
    line, end, _ = text[start:].partition("\n")
    header = column_names(line, between)
    if not end or not line.strip() or "\r" in line[:-1] or len(header) > MAX_COLUMNS:
        raise _NotPlainError
    first = (line + end).encode()
    empty = pl.read_csv(first, separator=between, infer_schema=False)
    return _Layout(mark + len(text[:start].encode()) + len(first), between, header, first, empty, max_bytes)


@dataclass
class _Column:
    """A column's pieces so far: numbers, or texts once a piece holds something else.

    It is late where pieces of numbers came before that: their texts are gone.
    """

    is_text: bool
    is_late: bool = False
    pieces: list[pl.Series | np.ndarray] = field(default_factory=list)

    def add(self, texts: pl.Series) -> None:
        import polars as pl

        texts = stripped(texts)
        numbers = None if self.is_text else numbers_of_piece(texts)
        if numbers is not None:
            # Away from where polars puts the texts that are gone soon: between them, numbers keep that memory in use.
            self.pieces.append(numbers if numbers.null_count() else np.array(numbers.to_numpy()))
            return
        if not self.is_text:
            self.is_text = True
            self.is_late = not all(map(_is_empty, self.pieces))
            self.pieces = [] if self.is_late else [pl.Series(piece, dtype=pl.String) for piece in self.pieces]
        if not self.is_late:
            self.pieces.append(texts)

    def whole(self) -> pl.Series:
        import polars as pl

        pieces, self.pieces = self.pieces, []
        if self.is_text:
            return pl.concat([piece for piece in pieces if isinstance(piece, pl.Series)], rechunk=True)
        if all(isinstance(piece, np.ndarray) for piece in pieces):
            # Whole numbers among decimals are decimals.
            return pl.Series(np.concatenate(pieces))
        series = [pl.Series(piece) for piece in pieces]
        has_decimals = any(piece.dtype == pl.Float64 for piece in series)
        # Without any value it is nothing yet.
        dtype = pl.String if all(map(_is_empty, pieces)) else pl.Float64 if has_decimals else pl.Int64
        return pl.concat([piece.cast(dtype) for piece in series], rechunk=True)


def _is_empty(piece: pl.Series | np.ndarray) -> bool:
    return not isinstance(piece, np.ndarray) and len(piece) == piece.null_count()


def _read(file: Path, layout: _Layout, *, as_text: Collection[str] = ()) -> tuple[dict[str, _Column], tuple[int, int]]:
    """The columns, or only those of `as_text`, as text; and how many rows `data_rows` left out."""
    import polars as pl

    columns: dict[str, _Column] = {}
    num_again = num_empty = 0
    for piece in _lines(file, layout):
        frame = pl.read_csv(layout.first + piece, separator=layout.between, infer_schema=False)
        if frame.columns != layout.empty.columns:
            raise _NotPlainError
        frame, (again, empty) = data_rows(frame, layout.header)
        num_again, num_empty = num_again + again, num_empty + empty
        for texts in named(frame, layout.header, str):
            if not as_text or texts.name in as_text:
                columns.setdefault(texts.name, _Column(is_text=bool(as_text))).add(texts)
    return columns, (num_again, num_empty)


def _lines(file: Path, layout: _Layout) -> Iterator[bytes]:
    """The bytes of the rows, some whole lines at a time."""
    with open_file(file, max_bytes=layout.max_bytes) as opened:
        opened.seek(layout.start)
        left = b""
        while piece := opened.read(PIECE_BYTES):
            end = piece.rfind(b"\n") + 1
            if end:
                yield left + piece[:end]
            left = piece[end:] if end else left + piece
        if left:
            yield left
