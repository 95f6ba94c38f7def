"""`headway evaluate`: how good a bundle is on labelled data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from headway.bundle.predictor import Predictor
    from headway.errors import ReadError
    from headway.judge.intervals import Estimate

__all__ = ["evaluate"]

# Items whose outputs and targets are in memory at once, by where they lie; of masks only counts are kept.
CHUNK = {"file": 64, "values": 8_192}


def evaluate(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model.headway file.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A folder as for train, or a CSV or Parquet file.")],
    *,
    input: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="The table's column of files; for ratings two.")
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="The table's column of labels.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure a model on labelled data, with intervals. Exit status 1 if a file cannot be read.

    Of a folder with train, valid and test folders only the last of them counts.
    """
    from headway.bundle.predictor import load
    from headway.errors import DataError

    predictor, problems = load(bundle), []
    field = predictor.target
    rows, part = _rows(predictor, data, inputs=input or (), target=target)
    unanswered = field.is_missing(rows)
    rows = rows.filter([not each for each in unanswered])
    # Before the slow part: a label that the model does not know is an error.
    if field.files(predictor.input) is None and len(rows):
        field.encode(field.values(rows))
    batches = _judged(predictor, rows, problems)
    first = next(batches, None)
    if first is None:
        nouns = predictor.input.nouns
        given = f"{data}, {len(rows)} {nouns}" + "".join(f"; {e['file']}: {e['error']}" for e in problems[:1])
        raise DataError(f"None of the {nouns} can be read.", given=given, fix="Correct the paths or the values.")
    metrics = field.metrics()
    answers, targets = metrics.gather(chain([first], batches), num_outputs=field.num_outputs)
    found = metrics.evaluate(answers, targets)
    facts = {"part": part, "items": len(answers), "unanswered": sum(unanswered)}
    if as_json:
        values = {name: estimate.to_json() for name, estimate in found.items()}
        shown = {"bundle": str(bundle), "data": str(data), **facts, "metrics": values, "problems": problems}
        typer.echo(json.dumps(shown))
    else:
        _show(found, facts, problems=problems)
    if problems:
        raise typer.Exit(1)


def _judged(
    predictor: Predictor, rows: pl.DataFrame, problems: list[dict[str, str]]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Answers and targets of those items that can be read, some at a time; the others are noted as problems."""
    import numpy as np

    from headway.errors import ReadError

    source = predictor.input.source
    outputs = predictor.try_outputs(rows if source == "values" else rows[predictor.input.column].to_list())
    size = CHUNK[source]
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        found = list(islice(outputs, len(some)))
        targets = _placed(predictor, some, found)
        for name, output in zip(predictor.input.names(some), found, strict=True):
            if isinstance(output, ReadError):
                problems.append({"file": name, "error": str(output)})
        kept = [output for output in found if not isinstance(output, ReadError)]
        if kept:
            yield np.stack(kept), targets


def _placed(predictor: Predictor, rows: pl.DataFrame, outputs: list[np.ndarray | ReadError]) -> np.ndarray:
    """The targets of those rows that have outputs; where one cannot be read, its error takes the output's place."""
    import numpy as np

    from headway.errors import ReadError

    field, placed = predictor.target, []
    if not field.needs_geometry:
        good = [place for place, output in enumerate(outputs) if not isinstance(output, ReadError)]
        return field.encode(field.values(rows[good]))
    for place, output in enumerate(outputs):
        if isinstance(output, ReadError):
            continue
        try:
            placed.append(field.view(field.place(rows[place], predictor.input), predictor.input)[0])
        except ReadError as error:
            outputs[place] = error
    return np.stack(placed) if placed else np.empty(0)


def _rows(
    predictor: Predictor, data: Path, *, inputs: Sequence[str], target: str | None
) -> tuple[pl.DataFrame, str | None]:
    """The items with their answers, in the columns that the model was trained with, and the part that they are of.

    A split folder has one: the model may have seen train. A table's columns are the model's own, unless named.
    """
    from headway.data import sources
    from headway.data.checks import check_columns

    input, field = predictor.input, predictor.target
    named = list(field.columns) if target is None else target.split() if len(field.columns) > 1 else [target]
    names = _matched("--input", inputs, input.columns) + _matched("--target", named, field.columns)
    if input.source == "values":
        rows = sources.read_values(data)
    elif sources.is_table(data):
        is_file = field.files(input) is not None
        wanted = names[len(input.columns) :]
        rows = sources.read_table(data, input=names[0], target=wanted, target_is_file=is_file)
    elif field.folders is not None:
        rows = field.list_folder(data, *names)
    else:
        rows, names = sources.list_folder(data), ["file", "label"]
    part = None
    if not sources.is_table(data) and "split" in rows.columns:
        part = max(rows["split"].unique().to_list(), key=["train", "valid", "test"].index)
        rows = rows.filter(rows["split"] == part)
    rows = _renamed(rows, dict(zip(names, (*input.columns, *field.columns), strict=True)))
    check_columns(rows.drop("row", "content", strict=False), input, field, split_column="split")
    return rows.drop("row", strict=False).with_row_index("row"), part


def _matched(option: str, given: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The columns that are named in place of the model's own: as many, or none."""
    from headway.errors import ConfigError

    if given and len(given) != len(columns):
        what = f"`{option}` must name {len(columns)} columns, as many as the model was trained with."
        fix = f"Leave it out for {', '.join(columns[:8])}{' ...' if len(columns) > 8 else ''}."
        raise ConfigError(what, given=", ".join(given), fix=fix)
    return list(given or columns)


def _renamed(rows: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    """The table with the model's names of its columns; others that had these names are left out."""
    names = {given: own for given, own in names.items() if given != own and given in rows.columns}
    return rows.drop([own for own in names.values() if own not in names], strict=False).rename(names)


def _show(found: dict[str, Estimate], facts: dict[str, Any], *, problems: list[dict[str, str]]) -> None:
    typer.echo(
        f"{facts['items']} items"
        + (f" of {facts['part']}" if facts["part"] else "")
        + (f", {facts['unanswered']} without an answer" if facts["unanswered"] else "")
        + (f", and {len(problems)} that cannot be read" if problems else "")
    )
    width = max(map(len, found))
    for name, estimate in found.items():
        typer.echo(f"{name:<{width}}  {estimate}")
    for problem in problems:
        typer.echo(f"{problem['file']}: {problem['error']}", err=True)
