"""A table of text that is read a piece at a time is the same as one that is read as a whole."""

from __future__ import annotations

import random
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from headway.data import plain_text
from headway.data.tables import MAX_BYTES, Dialect, read_values
from headway.errors import DataError
from headway.system.files import open_file

# Rows are added to each until the file has many pieces.
NUMBERS = [f"{number},{number / 8}" for number in range(100)]
CASES = {
    "numbers": ["a,b", *NUMBERS],
    "whole numbers, and decimals late": ["a,b", *NUMBERS, "1.5,2"],
    "text late": ["a,b", *NUMBERS, "x,2", "007,3"],
    "text in the first row": ["a,b", "x,1", *NUMBERS],
    "a column that is empty for long": ["a,b,c,d", *[f",{row},," for row in range(100)], "x,1,7,", "y,2,8.5,?"],
    "zeros that would be lost": ["a,b", *NUMBERS, "007,1"],
    "minus zero": ["a,b", *NUMBERS, "-0,1", "1.5,-0"],
    "a sign": ["a,b", "+5,1", *NUMBERS, "1.5,+7"],
    "ids": ["a,b", *NUMBERS, "12345678901234567890123,1"],
    "a long number among decimals": ["a,b", "1.5,1", *NUMBERS, "12345678901234567890123,1"],
    "no numbers": ["a,b", *NUMBERS, "nan,NA", "inf,-", "1e5,1e400"],
    "missing ones": ["a,b", *NUMBERS, "?,", " , ?", " 7 ,8 "],
    "the header again": ["a,b", *NUMBERS, "a,b", *NUMBERS, "a,b"],
    "blank lines": ["a,b", "", *NUMBERS, "", "", *NUMBERS, ""],
    "blank lines of one column": ["a", "", *map(str, range(200)), "", "7", ""],
    "names that come twice": ["a,b,a,a,", *[f"{row},{row},{row}.5,x,y" for row in range(100)]],
    "short lines": ["a,b", *NUMBERS, "7", *NUMBERS],
    "a long line": ["a,b", *NUMBERS, "7,8,9", *NUMBERS],
    "many values in the first row": ["a,b", "7,8,9", *NUMBERS],
    "commas in numbers": ["a;b", *[f"{row},5;1.{row:03}" for row in range(100, 200)]],
    "a thousand and more": ["a;b;c", *[f"1.{row};1,{row};{row}" for row in range(100, 200)]],
    "commas without doubt late": ["a;b", *[f"1.{row};{row}" for row in range(100, 200)], "1.200;7,5"],
    "currencies": ["a,b", *[f"${row}.50,{row} %" for row in range(100)]],
    "dates": ["a,b", *[f"{row % 28 + 1}.12.2024,2024-01-{row % 28 + 1:02}" for row in range(100)]],
    "dates of an unclear order at first": ["a,b", *["1/2/2024,x"] * 100, "1/31/2024,y"],
    "quotes": ["a,b", *NUMBERS, '"x, y",3'],
    "a text that ends within a quote": ["a,b", *NUMBERS, '"x, y'],
    "another language": ["größe,b", *NUMBERS, "ü,3", "日本,4"],
    "the separator said": ["sep=;", "a;b", *[f"{row};{row}" for row in range(100)]],
    "a blank first line": ["", "a,b", *NUMBERS],
    "a blank name": ["a,", *NUMBERS],
    "tabs": ["a\tb", *[f"{row}\t{row},5" for row in range(100)]],
    "no rows": ["a,b" + " " * 300],
    "a line of one value": ["a,b", *NUMBERS, "x" * 1_000],
}


def read(path: Path, dialect: Dialect, piece: int, monkeypatch: pytest.MonkeyPatch) -> tuple[pl.DataFrame, list[str]]:
    """The table and the notes on it; of one that is refused none, and the error."""
    notes: list[str] = []
    monkeypatch.setattr(plain_text, "PIECE_BYTES", piece)
    try:
        return read_values(path, dialect, tell=notes.append), notes
    except DataError as error:
        return pl.DataFrame(), [str(error)]


def check(path: Path, monkeypatch: pytest.MonkeyPatch, **options: str) -> None:
    dialect = Dialect(**options)
    (whole, notes), (in_pieces, others) = (read(path, dialect, piece, monkeypatch) for piece in (2**30, 256))
    assert_frame_equal(in_pieces, whole)
    assert others == notes


@pytest.mark.slow
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("case", CASES)
def test_a_table_in_pieces(case: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "table.csv"
    text = end.join(CASES[case]) + (end if len(case) % 2 else "")
    for encoding in ("utf-8", "utf-8-sig", "windows-1252", "utf-16"):
        file.write_bytes(text.encode(encoding, errors="replace"))
        check(file, monkeypatch)
    file.write_text(text, encoding="utf-8", newline="")
    check(file, monkeypatch, separator=";")
    check(file, monkeypatch, decimal=",")
    check(file, monkeypatch, decimal=".")
    check(file, monkeypatch, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_any_table_in_pieces(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(seed)
    common = [["1", "2", "30"], ["1.5", "2", "-7.25"], ["red", "blue", ""], ["", "?"], ["1.200", "3.400"]]
    rare = ["x", "", "007", "-0", "1e5", "nan", "99999999999999999999", "2024-01-01", "1.5", "€5", "1_000"]
    columns = [draw.choice(common) for _ in range(4)]
    rows = [[draw.choice(rare if draw.random() < 0.003 else column) for column in columns] for _ in range(150)]
    file = tmp_path / "table.csv"
    file.write_text("\n".join(["a,b,c,d", *map(",".join, rows)]), encoding="utf-8")
    check(file, monkeypatch)


def test_a_large_table_is_not_read_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(plain_text, "PIECE_BYTES", 256)
    monkeypatch.setattr("headway.data.tables.parse_text", refuse)
    file = tmp_path / "table.csv"
    file.write_text("\n".join(CASES["text late"]))
    found = read_values(file)
    assert found["a"].to_list() == [*map(str, range(100)), "x", "007"]
    assert found["b"].to_list() == [*(number / 8 for number in range(100)), 2, 3]


def test_a_table_may_be_as_large_as_one_that_is_read_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than any other file may be."""
    file = tmp_path / "table.csv"
    file.write_text("\n".join(CASES["numbers"]))
    limits: list[int] = []

    def opened(path: Path, *, max_bytes: int = 0) -> BinaryIO:
        limits.append(max_bytes)
        return open_file(path, max_bytes=max_bytes)

    monkeypatch.setattr(plain_text, "open_file", opened)
    read(file, Dialect(), 64, monkeypatch)
    assert len(limits) == 3
    assert set(limits) == {MAX_BYTES}
