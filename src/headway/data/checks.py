"""What would make training senseless, told before it starts. Each check raises a DataError that names the items."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from headway.errors import DataError, did_you_mean
from headway.inputs.base import Input
from headway.targets.base import Target

if TYPE_CHECKING:
    from headway.data.dataset import Data

__all__ = ["check_answers", "check_columns", "check_items", "check_parts", "check_readable"]

MIN_ITEMS_A_CLASS = 4
MIN_ITEMS = 8
MAX_UNREADABLE = 0.05

_CHUNK = 256


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


def check_items(frame: pl.DataFrame, target: Target, *, are_files: bool = False) -> None:
    """There is something to tell apart: two classes with enough items each, or values that differ.

    Answers that are files are looked at later, by `check_answers`.
    """
    if target.task == "classification":
        _check_classes(frame, target)
        return
    encoded = np.arange(len(frame)) if are_files else target.encode(target.values(frame))
    if len(frame) < MIN_ITEMS or bool((encoded == encoded[:1]).all()):
        raise DataError(
            f"There must be at least {MIN_ITEMS} items, and their answers must differ.",
            given=f"{len(frame)} items, column {target.column!r}",
            fix="Add items, or name another column.",
        )


def _check_classes(frame: pl.DataFrame, target: Target) -> None:
    """There are two classes or more, each with enough items to be on both sides of a split."""
    counts = Counter(target.strata(frame))
    if len(counts) < 2:
        raise DataError(
            "There must be at least two classes to tell apart.",
            given=f"every item has the label {next(iter(counts), '')!r}",
            fix="Add items of another class.",
        )
    few = {label: count for label, count in sorted(counts.items()) if count < MIN_ITEMS_A_CLASS}
    if few:
        labelled = zip(frame["row"], target.strata(frame), strict=True)
        numbers = [row for row, value in labelled if value in few]
        shown = [f"{label!r} has {count}" for label, count in list(few.items())[:10]]
        rows = f"rows {numbers[:10]}"
        raise DataError(
            f"Every class needs at least {MIN_ITEMS_A_CLASS} readable items.",
            given=f"{', '.join(shown)} ({rows})",
            fix="Add items to those classes, join them with others, or remove them.",
        )


def check_parts(items: pl.DataFrame, target: Target) -> None:
    """Train and valid have items; where there are classes, of every class."""
    if target.task != "classification":
        sizes = {name: int((items["split"] == name).sum()) for name in ("train", "valid")}
        if not all(sizes.values()):
            given = ", ".join(f"{count} in {name}" for name, count in sizes.items())
            fix = "Add items, or split in another way."
            raise DataError("Train and valid must both have items.", given=given, fix=fix)
        return
    labels: dict[str, set[str]] = {"train": set(), "valid": set(), "test": set()}
    for part, value in items.select("split", target.column).iter_rows():
        labels[part].add(str(value))
    everything = set().union(*labels.values())
    problems = []
    for name in ("train", "valid"):
        missing = sorted(everything - labels[name])
        if missing:
            problems.append(f"no item of {', '.join(map(repr, missing[:10]))} in {name}")
    if problems:
        raise DataError(
            "Every class must be in train and in valid, or it can be neither learned nor judged.",
            given="; ".join(problems),
            fix="Add items, or split in another way (RandomSplit keeps every class on both sides).",
        )


def check_answers(data: Data) -> None:
    """Every answer can be encoded; of answers that are files, every class is in some of the training rows'.

    Labels that the user named may leave some out; better said now than in the first epoch.
    """
    if data.store.answers is None:
        data.target.encode(data.target.values(data.items))
        return
    part, counts = data.train, np.zeros(256, dtype=np.int64)
    for start in range(0, len(part), _CHUNK):
        counts += np.bincount(part.placed_at(range(start, min(start + _CHUNK, len(part)))).ravel(), minlength=256)
    missing = [label for label, count in zip(data.target.labels, counts, strict=False) if not count]
    if missing:
        given = f"{len(part)} training rows without any {', '.join(map(repr, missing[:10]))}; {data.target}"
        fix = "Correct the classes (`classes`, `ignore`), or leave those out."
        raise DataError("Some classes are in no training item.", given=given, fix=fix)
