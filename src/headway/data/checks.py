"""What would make training on any table senseless, told before it starts, by a DataError that names the items.

What a kind of answer needs besides, such as two classes, its `Target.check_items` and the like say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headway.errors import DataError, did_you_mean
from headway.inputs.base import Input
from headway.targets.base import Target

if TYPE_CHECKING:
    import polars as pl

__all__ = ["check_columns", "check_readable"]

MAX_UNREADABLE = 0.05


def check_columns(frame: pl.DataFrame, input: Input, target: Target, *, split_column: str | None) -> None:
    """The table has the fields' columns, none of Headway's own, and some labels."""
    reserved = {"row", "content"} & set(frame.columns)
    if reserved:
        raise DataError(
            'The columns "row" and "content" are made by Headway.', given=sorted(reserved), fix="Rename yours."
        )
    if "split" in frame.columns and split_column != "split":
        raise DataError(
            'The table has a column "split" that would be replaced by another split.',
            given=f"columns: {', '.join(frame.columns)}",
            fix='Use it with ColumnSplit("split") (--split-column split), or rename or remove it.',
        )
    for field in (input, target):
        for column in field.columns:
            if column not in frame.columns:
                raise DataError(
                    f"The table has no column for {type(field).__name__}({column!r}).",
                    given=f"columns: {', '.join(frame.columns)}",
                    fix=did_you_mean(column, frame.columns),
                )
    if all(target.is_missing(frame)):
        raise DataError(
            "There is nothing to learn from: no row has a label.",
            given=f"{len(frame)} rows, column {target.column!r} empty in all of them",
            fix="Name the column that holds the labels.",
        )


def check_readable(frame: pl.DataFrame, input: Input, reasons: dict[int, str]) -> None:
    """At most a twentieth of the items is unreadable."""
    if len(reasons) > MAX_UNREADABLE * len(frame):
        names = input.names(frame)
        named = [f"{names[row]}: {reason}" for row, reason in list(reasons.items())[:5]]
        raise DataError(
            f"{len(reasons)} of {len(frame)} items cannot be read; more than {MAX_UNREADABLE:.0%} is too many to "
            "go on without them.",
            given="; ".join(named) + (" ..." if len(reasons) > 5 else ""),
            fix="Mend or remove those files, or correct the paths.",
        )
