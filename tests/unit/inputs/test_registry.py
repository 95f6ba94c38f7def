from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import polars as pl
import pytest

from headway.errors import ConfigError, DataError
from headway.inputs import registry
from headway.inputs.base import Input
from headway.inputs.image.field import Image
from headway.inputs.ratings.field import Ratings
from headway.inputs.registry import format_target, recognise_input
from headway.inputs.table.field import Table

ITEMS = pl.DataFrame({"file": ["a.jpg"], "sound": ["a.wav"], "user": [1], "book": [2]})


class Sound(Image):
    """A kind that knows its columns by how their files are called."""

    @classmethod
    def recognise(cls, columns: Sequence[str], items: Callable[[], pl.DataFrame], *, size: int) -> Self | None:
        is_one = len(columns) == 1
        return cls(columns[0]) if is_one and items()[columns[0]].str.ends_with(".wav").all() else None


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ("file", Image("file", size=64)),
        (["file"], Image("file", size=64)),
        (["user", "book"], Ratings("user", "book")),
        ((), Table()),
    ],
)
def test_columns_are_of_the_first_kind_that_knows_them(columns: str | Sequence[str], field: Input) -> None:
    assert recognise_input(columns, lambda: ITEMS, size=64) == field


def test_a_kind_that_stands_before_images_claims_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "INPUTS", {"sound": f"{__name__}:Sound", **registry.INPUTS})
    monkeypatch.setattr(registry, "input_class", lambda kind: Sound if kind == "sound" else Image)
    assert type(recognise_input("sound", lambda: ITEMS)) is Sound
    assert type(recognise_input("file", lambda: ITEMS)) is Image


def test_columns_that_no_kind_takes() -> None:
    with pytest.raises(ConfigError) as caught:
        recognise_input(["a", "b", "c"], lambda: ITEMS)
    assert str(caught.value) == (
        "There is no kind of input for these columns.\n"
        "  Given: a, b, c\n"
        "  Fix:   Name one column, several of texts, two of who rated what, or none for the rows themselves; "
        "or pass a field, such as hw.Table()."
    )


def test_a_ts_file_says_itself_what_is_predicted(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text("@classLabel true a b\n@data\n1,2:a\n5,6:b\n")
    (tmp_path / "b.TS").write_text("@targetLabel true\n@data\n1,2:0.5\n")
    (tmp_path / "c.ts").write_text("@classLabel false\n@data\n1,2\n")
    assert [format_target(tmp_path / name) for name in ("a.ts", "b.TS", "c.ts", "d.csv")] == [
        "label",
        "value",
        None,
        None,
    ]
    with pytest.raises(DataError) as error:
        format_target(tmp_path / "e.ts")
    assert str(error.value) == (
        "The table cannot be read.\n"
        f"  Given: {tmp_path / 'e.ts'} ([Errno 2] No such file or directory: '{tmp_path / 'e.ts'}')\n"
        "  Fix:   Check the path."
    )
