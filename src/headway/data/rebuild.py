"""A data set changed: other parts, columns or labels, fewer rows; the fields are fitted anew on its training rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from headway.data.dataset import Data
from headway.data.decisions import relabelled
from headway.data.near_copies import CopiesChoice, check_choice, same_content
from headway.data.splits import Split, assign_parts, check_split
from headway.data.store import Store
from headway.data.values import open_values
from headway.errors import ConfigError, DataError, did_you_mean
from headway.inputs.base import Input
from headway.system.pieces import filtered
from headway.targets.base import Target

__all__ = [
    "apart",
    "check_without",
    "checked",
    "fit_fields",
    "for_architecture",
    "item_names",
    "problem_table",
    "rebuild",
    "refitted",
    "unlabelled_rows",
    "with_values",
]

Progress = Callable[[int, int], None]


def rebuild(
    data: Data,
    *,
    split: Split | None = None,
    without: Sequence[str] = (),
    drop: Iterable[int] = (),
    relabel: Mapping[int, str] | None = None,
    columns: pl.DataFrame | None = None,
    near_copies: CopiesChoice = "keep",
) -> Data:
    """The data set with other parts, columns or labels, or fewer rows: see `Data.rebuild`."""
    chosen = check_split(split or data.split)
    drop = set(drop)
    items = _changed(data, drop, dict(relabel or {}), columns)
    reasons = dict.fromkeys(
        data.items.filter(~pl.col("row").is_in(items["row"].to_list()))["row"], "dropped by rebuild"
    )
    own = [chosen.groups] if split and chosen.groups else []
    input = check_without([*without, *own], items, data.input)
    if split is not None:
        items = items.with_columns(pl.Series("split", assign_parts(split, items, data.target), dtype=pl.String))
        reasons |= dict.fromkeys(items.filter(pl.col("split").is_null())["row"], split.left_out)
        items = items.filter(pl.col("split").is_not_null())
    unlabelled = unlabelled_rows(data.unlabelled, items, chosen) if len(data.unlabelled) else data.unlabelled
    problems = pl.concat([data.problems, problem_table(data.items, data.input, reasons)]).sort("row")
    target = _with_classes(data.target, items) if relabel or drop else data.target
    data = replace(data, input=input, target=target, problems=problems, unlabelled=unlabelled)
    data = checked(refitted(data, items, split=chosen))
    return data if check_choice(near_copies) == "keep" else apart(data, near_copies)


def _changed(data: Data, dropped: set[int], labels: dict[int, str], columns: pl.DataFrame | None) -> pl.DataFrame:
    """The items without some rows, with other labels, and with further columns, which are joined by "row"."""
    items = data.items
    if unknown := sorted({*dropped, *labels} - set(items["row"].to_list())):
        what = "`drop` and `relabel` must name rows of the data."
        raise ConfigError(what, given=unknown[:5], fix='The rows are in data.items["row"].')
    if columns is not None:
        own = [name for name in columns.columns if name != "row"]
        items = items.drop(own, strict=False).join(columns, on="row", how="left", maintain_order="left")
    return relabelled(items, data.target, labels).filter(~pl.col("row").is_in(list(dropped)))


def _with_classes(target: Target, items: pl.DataFrame) -> Target:
    """The target with the classes that the items have, in their order; new ones come last."""
    if not target.is_one_class:
        return target
    present = set(target.strata(items))
    known = [label for label in target.labels if label in present]
    return replace(target, labels=(*known, *sorted(present - {*known})))  # pyright: ignore[reportArgumentType, reportCallIssue]


def check_without(names: Sequence[str], items: pl.DataFrame, input: Input) -> Input:
    """The input without these columns, which must be in the table and not all that it reads."""
    if unknown := [name for name in names if name not in items.columns]:
        what = "`without` must name columns of the table."
        raise ConfigError(what, given=repr(unknown[0]), fix=did_you_mean(unknown[0], items.columns))
    return input.without(names)


def apart(data: Data, choice: CopiesChoice) -> Data:
    """The data with near-copies on one side of the split, or left out of train."""
    items, split = data.items, data.split
    if choice == "move":
        same = items.with_columns(same_content(items, data.near_copies))
        items = items.with_columns(pl.Series("split", assign_parts(split, same, data.target), dtype=pl.String))
    else:
        judged = items.filter(pl.col("split") != "train")["row"]
        same = same_content(items, data.near_copies)
        is_copy = (items["split"] == "train") & same.is_in(same.filter(items["row"].is_in(judged)).unique().to_list())
        items = items.with_columns(pl.when(is_copy).then(None).otherwise(pl.col("split")).alias("split"))
    gone = items.filter(pl.col("split").is_null())["row"].to_list()
    reasons = dict.fromkeys(gone, "nearly identical to an item on another side of the split")
    problems = pl.concat([data.problems, problem_table(data.items, data.input, reasons)]).sort("row")
    # The fields learned from rows that may lie elsewhere now.
    return replace(refitted(data, items.filter(pl.col("split").is_not_null()), split=split), problems=problems)


def checked(data: Data) -> Data:
    """The data, where their answers can be encoded, with why no model can be trained and judged on their parts."""
    data.target.check_parts(data.items)
    data.target.check_encoded(data)
    try:
        data.target.check_classes(data.items)
    except DataError as refusal:
        return replace(data, refusal=refusal)
    return replace(data, refusal=None) if data.refusal else data


def refitted(data: Data, items: pl.DataFrame, *, split: Split) -> Data:
    """Some of a data set's rows, their parts in the column "split", the fields fitted on their training rows alone."""
    (reader, target), store = fit_fields(data.input, data.target, items), data.store
    if reader.source == "values":
        store = with_values(store, items, data.unlabelled, reader)
    return replace(data, items=items, input=reader, target=target, split=split, store=store)


def fit_fields(input: Input, target: Target, items: pl.DataFrame) -> tuple[Input, Target]:
    """The fields, having learned from the training rows; classes are those of all rows."""
    reader = input.fit_train(items)
    if target.is_one_class:
        return reader, target.fit(items)
    train = items.filter(pl.col("split") == "train")
    return reader, target.fit(train).fit_places(train, reader)


def for_architecture(data: Data, arch: str) -> Data:
    """The data as an architecture of that name reads them: themselves, unless the input has several ways of reading."""
    input = data.input.for_architecture(arch)
    return data if input is data.input else refitted(replace(data, input=input), data.items, split=data.split)


def unlabelled_rows(rows: pl.DataFrame, usable: pl.DataFrame, split: Split) -> pl.DataFrame:
    """Of rows without a target those that may be learned from: none of them goes with a row of valid or test."""
    # Hardly ever are there any, and the rows of valid and test are many.
    if rows.is_empty():
        return rows
    is_judged = usable["split"] != "train"
    held = usable["content"].filter(is_judged & usable["content"].is_in(rows["content"].implode()))
    rows = rows.filter(~pl.col("content").is_in(held.implode()))
    # Most splits hold nothing out, and need no copy of the rows of valid and test.
    if rows.is_empty() or type(split).holds_out is Split.holds_out:
        return rows
    return rows.filter(~pl.Series(split.holds_out(rows, filtered(usable, is_judged)), dtype=pl.Boolean))


def with_values(
    store: Store, items: pl.DataFrame, unlabelled: pl.DataFrame, reader: Input, on_progress: Progress | None = None
) -> Store:
    """The store with the values of these rows as the fitted field reads them."""
    return replace(store, canvases=open_values(items, reader, others=unlabelled, on_progress=on_progress))


def item_names(frame: pl.DataFrame, input: Input, rows: Iterable[int]) -> dict[int, str]:
    """What a person calls the items of these rows."""
    named = filtered(frame, frame["row"].is_in(list(rows)))
    return dict(zip(named["row"].to_list(), input.names(named), strict=True))


def problem_table(frame: pl.DataFrame, input: Input, reasons: dict[int, str]) -> pl.DataFrame:
    """Items that are left out, and why, as `Data.problems` has them."""
    names = item_names(frame, input, reasons)
    values = {"row": [*names], input.column: [*names.values()], "reason": [reasons[row] for row in names]}
    return pl.DataFrame(values, schema={"row": pl.Int64, input.column: pl.String, "reason": pl.String}).sort("row")
