"""A data set again, from the item table that a run kept: the same rows, sides and fields, its files compared."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import polars as pl

from headway.data.build import MAX_UNREADABLE
from headway.data.dataset import Data
from headway.data.splits import RecordedSplit
from headway.data.store import Store, open_store
from headway.data.tables import names_table
from headway.data.values import open_values
from headway.errors import DataError
from headway.inputs.base import Input
from headway.targets.base import Target

__all__ = ["ACCEPT", "moved", "read_again", "reopen"]

NAMES_SHOWN = 8

# Files that are looked for, to see how much of the old paths the new folder has.
_LOOKED_FOR = 64

_NO_ROWS = pl.DataFrame()

ACCEPT = "Put them back; if they have moved, pass --data FOLDER (data=); to take them as they are now, "
ACCEPT += "--accept-changes (accept_changes=True)."


def reopen(
    items: pl.DataFrame,
    problems: pl.DataFrame,
    *,
    input: Input,
    target: Target,
    split: str,
    groups: str | None = None,
    unlabelled: pl.DataFrame = _NO_ROWS,
    accept_changes: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Data:
    """The data set whose `items` and `problems` these are, with its fitted fields; `split` says how.

    `groups` is the column whose groups were kept whole, if any; `unlabelled` are rows without a target.

    With `accept_changes`, files that have changed since are taken as they are now, and those that cannot be read left
    out, instead of an error.

    Raises:
        DataError: If a file has changed, is gone, or cannot be read, unless that is accepted; or if the items were in
            memory, so that the table does not have them.
    """
    recorded = RecordedSplit(split, groups)
    make = partial(Data, input=input, target=target, split=recorded, problems=problems, unlabelled=unlabelled)
    if input.source == "values":
        # Its values are in the run's own tables, not in files that could have changed.
        rows = pl.concat([items, unlabelled], how="diagonal_relaxed")
        store = Store(open_values(rows, input, on_progress=on_progress), pl.Series(dtype=pl.String))
        return make(items=items, store=store)
    in_memory = {input.column, *(target.columns if target.files(input) else ())} - set(items.columns)
    if in_memory:
        what = "The run's items were in memory, and its table does not have them."
        given = f"no column {', '.join(map(repr, sorted(in_memory)))}"
        raise DataError(what, given=given, fix="Pass the same data set again (data=).")
    values = _by_row(items, problems, input.column)
    store = open_store(values, input, on_progress=on_progress)
    store = replace(store, answers=_open_answers(items, values, input=input, target=target))
    contents, was = store.contents.gather(items["row"]).alias("content"), set(items["row"])
    changed = items["row"].filter(contents != items["content"])
    changed = {row: store.reasons.get(row, "other bytes") for row in changed}
    answers = store.answers.reasons if store.answers else {}
    changed = {row: why for row, why in answers.items() if row in was} | changed
    gone = [row for row in changed if row in store.reasons or row in answers]
    # As when the data were made: with more of them gone, it is the folder that is wrong.
    is_too_much = len(gone) > MAX_UNREADABLE * len(was)
    if changed and (is_too_much or not accept_changes):
        shown = [f"{values[row]} ({reason})" for row, reason in list(changed.items())[:NAMES_SHOWN]]
        more = f"and {len(changed) - NAMES_SHOWN} more" if len(changed) > NAMES_SHOWN else ""
        what = (
            f"{len(changed)} of the run's {len(was)} items have changed since it began, so it would not end the same."
        )
        fix = ACCEPT
        if accept_changes:
            what = (
                f"{len(gone)} of the run's {len(was)} items cannot be read any more; without so many it cannot go on."
            )
            fix = "Put them back; if they have moved, pass --data FOLDER (data=)."
        raise DataError(what, given=[*shown, *([more] if more else [])], fix=fix)
    usable = items.with_columns(contents).filter(~pl.col("row").is_in([*store.reasons, *answers]))
    target.check_parts(usable)
    target.check_classes(usable)
    return make(items=usable, store=store)


def read_again(data: Data, input: Input) -> Data | None:
    """The same items as another field reads their files, such as at another size; None where they changed."""
    if input.column not in data.items.columns:
        # They were in memory.
        return None
    store = open_store(_by_row(data.items, data.problems, input.column), input)
    is_same = store.contents.gather(data.items["row"]).to_list() == data.items["content"].to_list()
    return replace(data, input=input, store=store) if is_same else None


def moved(frame: pl.DataFrame, columns: Sequence[str], folder: str | os.PathLike[str]) -> pl.DataFrame:
    """The frame with the paths in its columns as they are below the folder that their files have moved to.

    Of the old paths the new ones have as much as fits most files; of a table's path its folder counts.

    Raises:
        DataError: If none of the files lies there.
    """
    root = Path(folder).expanduser().absolute()
    root = root.parent if names_table(root) else root
    paths = [path for name in columns for path in frame[name] if isinstance(path, str)]
    # A few dozen files, spread over all of them, as a network folder takes long to answer for each.
    some = [PurePath(path).parts[1:] for path in paths[:: max(1, len(paths) // _LOOKED_FOR)]]
    there = {
        cut: sum(root.joinpath(*parts[cut:]).is_file() for parts in some)
        for cut in range(max(map(len, some), default=0))
    }
    # The longest of those that fit equally well: a folder of files of the same names may lie elsewhere below.
    cut = max(there, key=lambda cut: there[cut], default=0)
    if not any(there.values()):
        given = f"{folder}, and below it no {', '.join(PurePath(path).name for path in paths[:3])} ..."
        fix = "Name the folder that holds the same files, in folders of the same names."
        raise DataError("The run's files are not in that folder.", given=given, fix=fix)

    def new(path: Any) -> Any:
        return str(root.joinpath(*PurePath(path).parts[1 + cut :])) if isinstance(path, str) else path

    return frame.with_columns(pl.Series(name, list(map(new, frame[name])), dtype=frame[name].dtype) for name in columns)


def _open_answers(items: pl.DataFrame, values: list[Any], *, input: Input, target: Target) -> Store | None:
    """The answers that are files, in the order of the source; those of rows that were left out are not read."""
    reader = target.files(input)
    if reader is None:
        return None
    answers = dict(items.select("row", target.column).iter_rows())
    return open_store([(answers.get(row, ""), value or "") for row, value in enumerate(values)], reader)


def _by_row(items: pl.DataFrame, problems: pl.DataFrame, column: str) -> list[Any]:
    """The input's values in the order of the source, so that the store is found under the key that it had."""
    by_row: Mapping[int, Any] = dict(problems.select("row", column).iter_rows()) if len(problems) else {}
    # What was no value has only a name in the table of problems.
    by_row = {row: None if value == "<NoneType>" else value for row, value in by_row.items()}
    by_row |= dict(items.select("row", column).iter_rows())
    return [by_row.get(row) for row in range(max(by_row, default=-1) + 1)]
