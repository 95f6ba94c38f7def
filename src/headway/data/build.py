"""From a folder, a table or a frame to a data set: items opened once, split, and the fields fitted on training rows.

What cannot be read is left out and noted. Whatever would make training senseless is an error here, before it starts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Container, Sequence
from dataclasses import replace
from functools import cache
from itertools import compress
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from headway.data.dataset import Data
from headway.data.decisions import Applied, apply, read_decisions
from headway.data.near_copies import CopiesChoice, check_choice
from headway.data.normal_form import existing_paths, is_address
from headway.data.rebuild import (
    apart,
    check_without,
    checked,
    fit_fields,
    item_names,
    problem_table,
    unlabelled_rows,
    with_values,
)
from headway.data.repository import is_repository
from headway.data.sources import as_frame, files_without_class, list_folder
from headway.data.splits import ColumnSplit, GroupSplit, RandomSplit, Split, assign_parts, check_split
from headway.data.store import Store, open_answers, open_store
from headway.data.tables import Dialect, read_table, read_values
from headway.data.values import open_table
from headway.errors import ConfigError, DataError, did_you_mean
from headway.inputs.base import Input
from headway.inputs.registry import recognise_folder, recognise_input
from headway.system.pieces import filtered, pieces
from headway.targets.base import Target, is_blank
from headway.targets.registry import recognise_target, target_class

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_columns", "default_split", "from_csv", "from_folder", "from_items"]

# Of the items; with more of them unreadable, a path or a disk is wrong rather than a few files.
MAX_UNREADABLE = 0.05

Progress = Callable[[int, int], None]
DecisionFiles = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def from_folder(
    path: str | os.PathLike[str],
    *,
    size: int = 224,
    split: Split | None = None,
    valid: float = 0.2,
    seed: int = 0,
    input: Input | None = None,
    near_copies: CopiesChoice = "keep",
    decisions: DecisionFiles | None = None,
    on_progress: Progress | None = None,
) -> Data:
    """A data set from a folder of class folders, or of `train/`, `valid/` and `test/` folders of class folders.

    Args:
        path: The folder.
        size: Side of the square that the model sees, in pixels, where `input` is left out.
        split: How to split. Left out: by the folders where they say it, else `RandomSplit(valid, seed=seed)`.
        valid: Share of the items in valid, where `split` is left out.
        seed: The seed of that split.
        input: The field that reads the files. Default: by the files, such as `Image("file", size=size)`; texts (.txt)
            become a column "text".
        near_copies: What is done with items that are nearly the same: "keep" leaves them where they are, and a report
            tells how many of them are on two sides; "move" keeps them on one side, as identical items always are;
            "drop" leaves those out of train that are nearly the same as one of valid or test.
        decisions: A file that `headway clean` made, or several: labels are changed and items left out as they say.
        on_progress: Called with (items read, items in all) while they are opened for the first time.

    Raises:
        DataError: If the data cannot be trained on; the text names the items.
        ConfigError: If an argument is out of its range.

    Example:
        >>> data = from_folder("pets/", size=192)  # doctest: +SKIP
    """
    drawn = RandomSplit(valid, seed=seed)
    items = list_folder(path)
    notes = files_without_class(path, items)
    if input is None:
        items, input = recognise_folder(items, size=size)
    by_folder = ColumnSplit("split", valid=valid, seed=seed) if "split" in items.columns else drawn
    # A folder may well be called NA.
    target = target_class("category")("label", missing=())  # pyright: ignore[reportCallIssue]
    if split is not None and not isinstance(split, ColumnSplit):
        items = items.drop("split", strict=False)
    split = split or by_folder
    options: dict[str, Any] = {"near_copies": near_copies, "decisions": decisions, "on_progress": on_progress}
    data = from_items(items, input=input, target=target, split=split, **options)
    return replace(data, notes=(*notes, *data.notes))


def from_csv(
    path: str | os.PathLike[str],
    *,
    input: str | Sequence[str] | Input | None = None,
    target: str | Target,
    size: int | None = None,
    split: Split | None = None,
    valid: float = 0.2,
    seed: int = 0,
    without: Sequence[str] = (),
    separator: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    near_copies: CopiesChoice = "keep",
    decisions: DecisionFiles | None = None,
    on_progress: Progress | None = None,
) -> Data:
    """A data set from a table: of its rows themselves, or of the files that a column names.

    The table is a file of CSV, TSV or other text (also with .gz), Parquet, JSON lines (.jsonl) or Excel.

    Args:
        path: The table, or its address, such as "s3://pets/items.parquet"; paths in it are taken from its own folder
            unless they are absolute. "hf://datasets/user/name" are all Parquet files of a repository of the Hugging
            Face hub, of which the split is as their names say it.
        input: The column of paths, or a field such as `Image("photo", size=192)`; two columns are a `Ratings`. Left
            out, or a `Table`: the rows themselves, read by `headway.data.tables.read_values`.
        target: The column to predict, or a field such as `Category("species")`. A name is a `Category`; without
            files it is a `Number` where the column has decimals or many whole numbers.
        size: Side of the square that the model sees, in pixels, where `input` is the name of a column of photos; 224
            when left out.
        split: How to split. Default: `RandomSplit(valid, seed=seed)`.
        valid: Share of the items in valid, where `split` is left out.
        seed: The seed of that split.
        without: Columns that nothing is learned from, such as one that gives the answer away; they stay in the table.
        separator: The character between the values of a table of text, or "tab"; recognised when left out.
        encoding: The encoding of the text, such as "latin-1"; recognised when left out.
        decimal: What stands before decimals, "." or ","; recognised when left out.
        near_copies: "keep", "move" or "drop", as for `from_folder`.
        decisions: As for `from_folder`.
        on_progress: Called with (items read, items in all) while they are opened for the first time.

    Returns:
        The data set, with all the table's columns.

    Raises:
        DataError: If the table or its items cannot be trained on.
        ConfigError: If an argument is out of its range.

    Example:
        >>> data = from_csv("birds.csv", input="photo", target="species")  # doctest: +SKIP
    """
    drawn = split or default_split(target, valid=valid, seed=seed)
    if hasattr(path, "columns") or isinstance(path, dict):
        fix = "Call hw.from_items(frame, target=...)."
        raise ConfigError("`path` must be a file; a table in memory is not one.", given=type(path).__name__, fix=fix)
    dialect, notes = Dialect(separator=separator, encoding=encoding, decimal=decimal), list[str]()
    # Read once, although the kinds of input and of target are recognised by it before it is used.
    values = cache(lambda: read_values(path, dialect, tell=notes.append))
    reader = _input(input, target, values, size=size or 224)
    if split is None and is_repository(path) and "split" in values().columns:
        drawn = ColumnSplit("split", valid, seed=seed)
    if reader.source == "values":
        if size is not None:
            fix = 'Leave it out, or name the column of photos: input="photo".'
            raise ConfigError("`size` has no effect on rows of values.", given=f"size={size}", fix=fix)
        options = {"near_copies": near_copies, "decisions": decisions, "without": without}
        data = from_items(values(), input=reader, target=target, split=drawn, **options)
        return replace(data, notes=(*notes, *data.notes))
    answer = _target(target, values, reader) if isinstance(target, str) else target
    is_file = answer.files(reader) is not None
    files = {"target_is_file": is_file, "dialect": dialect, "tell": notes.append}
    items = read_table(path, input=reader.column, target=answer.columns, **files)
    options = {"near_copies": near_copies, "decisions": decisions, "without": without, "on_progress": on_progress}
    data = from_items(items, input=reader, target=answer, split=drawn, **options)
    # The table may have been read twice, once to recognise the target, and then tells everything twice.
    return replace(data, notes=(*dict.fromkeys(notes), *data.notes))


def from_items(
    items: pl.DataFrame | pd.DataFrame | dict[str, Sequence[Any]] | str | os.PathLike[str],
    *,
    input: str | Sequence[str] | Input | None = None,
    target: str | Target,
    split: Split | None = None,
    without: Sequence[str] = (),
    near_copies: CopiesChoice = "keep",
    decisions: DecisionFiles | None = None,
    on_progress: Progress | None = None,
) -> Data:
    """A data set from a table in memory: a polars or pandas frame, or a dict of columns; or from a table's file.

    Args:
        items: The table. The input's column may hold paths, addresses such as "s3://pets/rex.jpg", or the bytes of
            files. A path or an address is a table's file, read as `from_csv` does.
        input: The field that goes in, or the names of its columns, as for `from_csv`; `Table()`, the rows themselves,
            when left out.
        target: The field that comes out, or the column's name: a `Category`, or, for rows of a table that hold
            decimals or many whole numbers in it, a `Number`.
        split: How to split. Default: `RandomSplit()`.
        without: Columns that nothing is learned from, as for `from_csv`.
        near_copies: "keep", "move" or "drop", as for `from_folder`.
        decisions: As for `from_folder`.
        on_progress: Called with (items read, items in all) while they are opened for the first time.

    Raises:
        DataError: If the data cannot be trained on; the text names the items.
    """
    if isinstance(items, (str, os.PathLike)):
        options = {"near_copies": near_copies, "decisions": decisions, "on_progress": on_progress, "without": without}
        return from_csv(items, input=input, target=target, split=split, **options)
    frame = as_frame(items)
    split, near_copies = check_split(split or default_split(target)), check_choice(near_copies)
    input, frame, remarks = _items_of(input, target, frame)
    target = _target(target, lambda: frame, input) if isinstance(target, str) else target.bind_to(input)
    # The split's own column says which side a row is on, and nothing that a model should learn.
    own = [split.column] if isinstance(split, (ColumnSplit, GroupSplit)) else []
    input = check_without(without, frame, input.bind(frame.drop([*own, *without], strict=False), target))
    frame = _without_nan(frame, target)
    check_columns(frame, input, target, split_column=split.column if isinstance(split, ColumnSplit) else None)
    (frame, notes), target = _with_existing_paths(frame, input, target), target.bind(frame)
    frame = frame.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("row"))
    # Before the split, which keeps identical items together, and before anything is fitted on what cannot be read.
    store = open_table(frame, input) if input.source == "values" else _open_files(frame, input, target, on_progress)
    frame = frame.with_columns(store.contents.alias("content"))
    frame, dropped, applied = _decided(frame, target, decisions)
    missing = {row: why for row, why in _missing(frame, target).items() if row not in dropped}
    reasons = _left_out(frame, input, store, missing=missing | dropped)
    usable, undivided = _divided(_without(frame, reasons), split, target)
    reasons |= undivided
    # On training rows alone: what is learned from valid, if only a mean, makes valid look better than new data.
    reader, fitted = fit_fields(input, target, usable)
    without_target = filtered(frame, frame["row"].is_in(list(missing.keys() - store.reasons)))
    unlabelled = unlabelled_rows(without_target, usable, split)
    data = Data(
        items=usable,
        input=reader,
        target=fitted,
        split=split,
        problems=problem_table(frame, input, reasons),
        store=_as_fitted(store, (frame, usable, unlabelled), (input, reader), target, on_progress),
        decisions=applied,
        notes=(*remarks, *notes, *_said(applied), *input.remarks(usable), *target.remarks(usable)),
        unlabelled=unlabelled,
    )
    return checked(data if near_copies == "keep" else apart(data, near_copies))


def _decided(
    frame: pl.DataFrame, target: Target, decisions: DecisionFiles | None
) -> tuple[pl.DataFrame, dict[int, str], Applied | None]:
    """The items as people decided on them, the rows that they leave out and why, and what was applied."""
    return (frame, {}, None) if decisions is None else apply(frame, target, read_decisions(decisions))


def _divided(items: pl.DataFrame, split: Split, target: Target) -> tuple[pl.DataFrame, dict[int, str]]:
    """The items with their part in the column "split", and why others have none; a DataError where none is in train."""
    target.check_items(items)
    assigned = assign_parts(split, items, target)
    reasons = {row: split.left_out for row, part in zip(items["row"], assigned, strict=True) if part is None}
    parts = pl.concat([pl.Series(dtype=pl.String), *(pl.Series(piece, dtype=pl.String) for piece in pieces(assigned))])
    items = items.with_columns(parts.alias("split"))
    items = filtered(items, parts.is_not_null()) if reasons else items
    if not (items["split"] == "train").any():
        # Nothing can be fitted, and the target says it in its own words.
        target.check_parts(items)
    return items, reasons


def _left_out(frame: pl.DataFrame, input: Input, store: Store, *, missing: dict[int, str]) -> dict[int, str]:
    """The rows that have no answer, cannot be read or are files beside the items, and why."""
    answers = store.answers.reasons if store.answers else {}
    reasons = {row: why for row, why in answers.items() if row not in missing} | store.reasons
    beside = _beside(frame, input, reasons)
    _check_readable(frame, input, reasons, beside)
    return missing | reasons | beside


def _said(applied: Applied | None) -> list[str]:
    return [applied.sentence] if applied else []


def _without(frame: pl.DataFrame, rows: Collection[int]) -> pl.DataFrame:
    """The rows but for these."""
    # Where none is left out, nothing is copied.
    return filtered(frame, ~frame["row"].is_in(list(rows))) if rows else frame


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
    for columns, role in ((input.columns, "which the model reads"), (target.columns, "which the target needs")):
        missing = [column for column in columns if column not in frame.columns]
        if missing:
            noun, names = "column" if len(missing) == 1 else "columns", ", ".join(map(repr, missing))
            raise DataError(
                f"The table has no {noun} {names}, {role}.",
                given=f"columns: {', '.join(frame.columns)}",
                fix=did_you_mean(missing[0], frame.columns),
            )
    if frame.is_empty():
        what, fix = "The table has no rows.", "Give a table with at least one row below the names of its columns."
        raise DataError(what, given=f"columns: {', '.join(frame.columns)}", fix=fix)
    if all(all(target.is_missing(piece)) for piece in pieces(frame)):
        raise DataError(
            "There is nothing to learn from: no row has a label.",
            given=f"{len(frame)} rows, column {target.column!r} empty in all of them",
            fix="Name the column that holds the labels.",
        )


def _beside(frame: pl.DataFrame, input: Input, reasons: dict[int, str]) -> dict[int, str]:
    """Of the items that cannot be read those that are files beside the items, by row; none where all of them are."""
    names = item_names(frame, input, reasons)
    beside = {row: f"a {PurePath(names[row]).suffix} file, no {input.noun}" for row in reasons}
    # What lies beside photos, such as a text of notes, is no sign of a wrong path.
    beside = {row: why for row, why in beside.items() if names[row].lower().endswith(input.beside)}
    return beside if len(beside) < len(frame) else {}


def _check_readable(frame: pl.DataFrame, input: Input, reasons: dict[int, str], beside: Container[int]) -> None:
    """At most a twentieth of the items is unreadable; files beside them do not count."""
    names, total = item_names(frame, input, reasons), sum(row not in beside for row in range(len(frame)))
    named = [f"{names[row]}: {reason}" for row, reason in reasons.items() if row not in beside]
    if len(named) > MAX_UNREADABLE * total:
        files = "Repair or remove those files, or correct the paths."
        if any(is_address(names[row]) for row in reasons):
            files = "Check the addresses and the network, or download the files first and name them by their paths."
        raise DataError(
            f"{len(named)} of {total} items cannot be read; more than {MAX_UNREADABLE:.0%} is too many to "
            "go on without them.",
            given="; ".join(named[:5]) + (" ..." if len(named) > 5 else ""),
            fix="Correct or remove those rows." if input.source == "values" else files,
        )


def _input(
    input: str | Sequence[str] | Input | None,
    target: str | Target,
    items: Callable[[], pl.DataFrame],
    *,
    size: int = 224,
) -> Input:
    """The field for what was named, which some kinds of target decide themselves."""
    own = target.own_input(input) if isinstance(target, Target) else None
    return own or (input if isinstance(input, Input) else recognise_input(input or (), items, size=size))


def default_split(target: object, *, valid: float = 0.2, seed: int = 0) -> Split:
    """How items are divided where nobody says it: at random, or as a kind of target, or one of it, needs it."""
    if not isinstance(target, Target) and not (isinstance(target, type) and issubclass(target, Target)):
        return RandomSplit(valid, seed=seed)
    own = target.own_split(valid=valid, seed=seed)
    return own or (GroupSplit(target.groups, valid, seed=seed) if target.groups else RandomSplit(valid, seed=seed))


def _target(column: str, items: Callable[[], pl.DataFrame], input: Input) -> Target:
    def values() -> pl.Series:
        frame = items()
        if column not in frame.columns:
            what = f"The table has no column {column!r} to predict."
            given = f"columns: {', '.join(frame.columns)}"
            raise DataError(what, given=given, fix=did_you_mean(column, frame.columns))
        return frame[column]

    return recognise_target(column, values, input)


def _items_of(
    input: str | Sequence[str] | Input | None, target: str | Target, rows: pl.DataFrame
) -> tuple[Input, pl.DataFrame, Sequence[str]]:
    """The field, the items that it makes of a table's rows, and remarks; a DataError where these lack the target."""
    field, items, remarks = _input(input, target, lambda: rows).items_of(rows)
    columns = [target] if isinstance(target, str) else target.columns
    lost = [column for column in columns if column in rows.columns and column not in items.columns]
    if lost:
        what = f"Column {lost[0]!r} must have one value for all rows of an item, to be predicted."
        raise DataError(what, given=" ".join(remarks), fix="Correct the rows in which it differs from the others.")
    return field, items, remarks


def _with_existing_paths(frame: pl.DataFrame, input: Input, target: Target) -> tuple[pl.DataFrame, list[str]]:
    """The frame with the paths of files that are there where a column names files, and what to tell of it."""
    columns = (*input.columns, *(target.columns if target.files(input) else ())) if input.source == "file" else ()
    notes: list[str] = []
    for column in columns:
        if column in frame.columns and frame[column].dtype == pl.String:
            paths, spellings = existing_paths(frame[column])
            frame, notes = frame.with_columns(paths), [*notes, *spellings]
    return frame, notes


def _without_nan(frame: pl.DataFrame, target: Target) -> pl.DataFrame:
    decimals = [name for name in target.columns if name in frame.columns and frame[name].dtype.is_float()]
    return frame.with_columns(pl.col(decimals).fill_nan(None)) if decimals else frame


def _missing(frame: pl.DataFrame, target: Target) -> dict[int, str]:
    """The rows that have no answer, and why."""
    is_missing = (is_missing for piece in pieces(frame) for is_missing in target.is_missing(piece))
    rows = list(compress(range(len(frame)), is_missing))
    texts = frame[target.column].gather(rows).to_list() if target.column in frame.columns else [None] * len(rows)
    none = f"no value in column {target.column!r}"
    return {
        row: none if is_blank(text) else f"{text!r} is {none}; otherwise: --missing"
        for row, text in zip(rows, texts, strict=True)
    }


def _open_files(frame: pl.DataFrame, input: Input, target: Target, on_progress: Progress | None) -> Store:
    values = frame[input.column]
    # Paths and files' bytes stay where they are; of other types a column gives other values than its list has.
    values = values if values.dtype in (pl.String, pl.Binary) else values.to_list()
    store = open_store(cast("Sequence[Any]", values), input, on_progress=on_progress)
    return replace(store, answers=open_answers(frame, input, target))


def _as_fitted(
    store: Store,
    frames: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame],
    inputs: tuple[Input, Input],
    target: Target,
    on_progress: Progress | None,
) -> Store:
    """The store as the fitted field reads it: what a table holds, and files again where it learned how to read them.

    `frames` are all rows, those that have a side of the split, and those without a target that may be learned from.
    """
    (frame, usable, unlabelled), (input, reader) = frames, inputs
    if input.source == "values":
        return with_values(store, usable, unlabelled, reader, on_progress)
    return store if reader == input else _open_files(frame, reader, target, on_progress)
