from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from headway.inputs.image.field import Image
from headway.inputs.table.field import Table
from headway.targets.category.field import Category
from headway.targets.number.field import Number
from headway.targets.registry import recognise_target

MANY = list(range(0, 300, 3))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["<=50K", ">50K"], Category),
        ([True, False], Category),
        ([0, 1, None], Category),
        ([1.0, 2.0], Category),
        (["1", "2"], Category),
        ([0.5, 1.0], Number),
        (["0.5", "?"], Number),
        (MANY, Number),
        ([None, None], Category),
        ([date(2024, 1, 1)], Category),
    ],
)
def test_a_column_of_a_table_is_recognised_by_its_values(values: list[object], kind: type) -> None:
    found = recognise_target("y", lambda: pl.Series("y", values), Table())
    assert (type(found), found.column) == (kind, "y")


def test_what_goes_with_files_has_classes_and_is_not_read() -> None:
    def values() -> pl.Series:
        pytest.fail("a table of files is read once, by whoever knows its paths")

    assert recognise_target("y", values, Image("file")) == Category("y")
