"""Labelled data for a bundle to be measured on: a table or a folder, in the columns that the model was trained with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headway.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

    from headway.bundle.predictor import Predictor
    from headway.data.tables import Dialect

__all__ = ["labelled_items"]

_NO_ANSWERS = "Name it: --target COLUMN. Without answers, use `headway predict`."


def labelled_items(
    predictor: Predictor,
    data: str,
    *,
    inputs: Sequence[str],
    target: str | None,
    dialect: Dialect,
    tell: Callable[[str], object],
) -> tuple[pl.DataFrame, str | None]:
    """The items with their answers, in the columns that the model was trained with, and the part that they are of.

    Of a split folder that is the last there is, as the model may have seen train. A table's columns are the model's
    own, unless named. What is read in another way than it is written is told.
    """
    from headway.data.build import check_columns
    from headway.data.tables import names_table

    input, field = predictor.input, predictor.target
    named = list(field.columns) if target is None else target.split() if len(field.columns) > 1 else [target]
    names = _matched("--input", inputs, input.columns) + _matched("--target", named, field.columns)
    if target is not None:
        _check_answers(names[len(input.columns) :], names[: len(input.columns)])
    rows, names = _read(predictor, data, names, dialect=dialect, tell=tell)
    is_table, columns = names_table(data), rows.columns
    missing = [name for name in names[len(input.columns) :] if name not in columns]
    if missing and is_table:
        raise _without(missing[0], "the answers that the model is measured against", data, columns, fix=_NO_ANSWERS)
    rows, part = (rows, None) if is_table else _last_part(rows)
    own = zip(names, (*input.columns, *field.columns), strict=True)
    renamed = {name: column for name, column in own if name != column and name in rows.columns}
    # Others that have the model's names already make room for those that are named.
    rows = rows.drop([column for column in renamed.values() if column not in renamed], strict=False).rename(renamed)
    _, rows, _ = input.items_of(rows)
    missing = [name for name, column in zip(names, input.columns, strict=False) if column not in rows.columns]
    if missing and is_table:
        raise _without(missing[0], "which the model reads", data, columns, fix="Name it: --input COLUMN.")
    check_columns(rows.drop("row", "content", strict=False), input, field, split_column="split")
    return rows.drop("row", strict=False).with_row_index("row"), part


def _read(
    predictor: Predictor, data: str, names: list[str], *, dialect: Dialect, tell: Callable[[str], object]
) -> tuple[pl.DataFrame, list[str]]:
    """The items as they are written, and the names of the columns with what is read and with the answers."""
    from headway.data import sources, tables

    input, field = predictor.input, predictor.target
    if field.reads_path(data):
        return field.read_path(data), [*input.columns, *field.columns]
    if (files := _files_as_values(predictor, data)) is not None:
        return files
    if input.source == "values":
        return tables.read_values(data, dialect, tell=tell), names
    if tables.names_table(data):
        is_file = field.files(input) is not None
        wanted = {"input": names[0], "target": names[len(input.columns) :], "target_is_file": is_file}
        return tables.read_table(data, **wanted, dialect=dialect, tell=tell), names
    if field.folders is not None:
        return field.list_folder(data, *names), names
    rows = sources.list_folder(data)
    return rows.filter([not file.lower().endswith(input.beside) for file in rows["file"]]), ["file", "label"]


def _without(name: str, role: str, data: str, columns: Sequence[str], *, fix: str) -> DataError:
    """The error of a table that has not a column."""
    what, given = f"The table has no column {name!r}, {role}.", f"{data}, columns: {', '.join(columns[:20])}"
    return DataError(what, given=given, fix=f"{fix} {did_you_mean(name, columns)}")


def _last_part(rows: pl.DataFrame) -> tuple[pl.DataFrame, str | None]:
    """The rows of the part that is farthest from training, test else valid, and its name; all where none has one."""
    if "split" not in rows.columns:
        return rows, None
    part = max(rows["split"].unique().to_list(), key=["train", "valid", "test"].index)
    return rows.filter(rows["split"] == part), part


def _files_as_values(predictor: Predictor, data: str) -> tuple[pl.DataFrame, list[str]] | None:
    """A folder's files as rows of values, such as texts, and the columns to read; None for kinds and data without."""
    from headway.data.sources import list_folder

    if predictor.input.source != "values" or not Path(data).is_dir():
        return None
    made = predictor.input.from_files(list_folder(data))
    if made is None or len(made[1].columns) != len(predictor.input.columns):
        return None
    return made[0], [*made[1].columns, "label"]


def _check_answers(targets: Sequence[str], inputs: Sequence[str]) -> None:
    read = [name for name in targets if name in inputs]
    if read:
        what, fix = "The column of answers must not be one that the model reads.", "Name the column of labels."
        raise ConfigError(what, given=f"--target {read[0]}", fix=fix)


def _matched(option: str, names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The columns that are named in place of the model's own: as many, or none."""
    if names and len(names) != len(columns):
        what = f"`{option}` must name {len(columns)} columns, as many as the model was trained with."
        fix = f"Leave it out for {', '.join(columns[:8])}{' ...' if len(columns) > 8 else ''}."
        raise ConfigError(what, given=", ".join(names), fix=fix)
    return list(names or columns)
