"""Tables in Parquet."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from headway.data.parquet import is_parquet, read_parquet


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "data[1].parquet"
    rows = {"photo": ["a.png", None, "c.png"], "bytes": [b"1", b"", None], "boxes": [[1.5], [], None], "n": [1, 2, 3]}
    pl.DataFrame(rows).write_parquet(file)
    return file


def test_a_table_is_read_whatever_its_name_and_columns(table: Path) -> None:
    read = read_parquet(table, max_bytes=10_000)
    assert_frame_equal(read, pl.read_parquet(table, glob=False))
    assert read["boxes"].to_list() == [[1.5], [], None]


def test_a_table_that_unpacks_to_too_much(tmp_path: Path) -> None:
    file = tmp_path / "ones.parquet"
    pl.DataFrame({"one": pl.repeat(1, 10_000, eager=True)}).write_parquet(file)
    with pytest.raises(OSError, match=r"too large: unpacked, it has more than 0\.0 GB"):
        read_parquet(file, max_bytes=79_999)
    assert len(read_parquet(file, max_bytes=80_000)) == 10_000


def test_parquet_is_known_by_its_name_or_its_first_bytes(table: Path, tmp_path: Path) -> None:
    (tmp_path / "same").write_bytes(table.read_bytes())
    (tmp_path / "text").write_text("PAR and more")
    names = ("data[1].parquet", "same", "text")
    assert [is_parquet(tmp_path / name) for name in names] == [True, True, False]
