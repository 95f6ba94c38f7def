"""A data set again, from the item table that a run kept: the same rows, sides and fields, its files compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from headway.data.dataset import Data
from headway.data.splits import RecordedSplit
from headway.data.store import Store, arrays_by_row, open_store
from headway.errors import DataError
from headway.inputs.base import Input
from headway.targets.base import Target

__all__ = ["reopen"]

NAMES_SHOWN = 8


def reopen(
    items: pl.DataFrame,
    problems: pl.DataFrame,
    *,
    input: Input,
    target: Target,
    split: str,
    accept_changes: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Data:
    """The data set whose `items` and `problems` these are, with its fitted fields; `split` says how it was split.

    With `accept_changes`, files that have changed since are taken as they are now, and those that cannot be read left
    out, instead of an error.

    Raises:
        DataError: If a file has changed, is gone, or cannot be read, unless that is accepted; or if the items were in
            memory, so that the table does not have them.
    """
    if input.source == "values":
        # Its values are in the run's own table, not in files that could have changed.
        store = Store(arrays_by_row(input.read_rows(items), input, items["row"].to_list()), [])
        return Data(items=items, input=input, target=target, split=RecordedSplit(split), problems=problems, store=store)
    in_memory = {input.column, *(target.columns if target.files(input) else ())} - set(items.columns)
    if in_memory:
        what = "The run's items were in memory, and its table does not have them."
        given = f"no column {', '.join(map(repr, sorted(in_memory)))}"
        raise DataError(what, given=given, fix="Pass the same data set again (data=).")
    values = _by_row(items, problems, input.column)
    store = open_store(values, input, on_progress=on_progress)
    store = replace(store, answers=_open_answers(items, values, input=input, target=target))
    was = dict(items.select("row", "content").iter_rows())
    changed = {
        row: store.reasons.get(row, "other bytes") for row, content in was.items() if store.contents[row] != content
    }
    answers = store.answers.reasons if store.answers else {}
    changed = {row: why for row, why in answers.items() if row in was} | changed
    if changed and not accept_changes:
        shown = [f"{values[row]} ({reason})" for row, reason in list(changed.items())[:NAMES_SHOWN]]
        more = f"and {len(changed) - NAMES_SHOWN} more" if len(changed) > NAMES_SHOWN else ""
        what = (
            f"{len(changed)} of the run's {len(was)} items have changed since it began, so it would not end the same."
        )
        fix = "Put them back, or go on with them as they are now: --accept-changes (accept_changes=True)."
        raise DataError(what, given=[*shown, *([more] if more else [])], fix=fix)
    contents = pl.Series("content", [store.contents[row] for row in was], dtype=pl.String)
    usable = items.with_columns(contents).filter(~pl.col("row").is_in([*store.reasons, *answers]))
    return Data(items=usable, input=input, target=target, split=RecordedSplit(split), problems=problems, store=store)


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
