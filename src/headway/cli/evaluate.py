"""`headway evaluate`: how good a bundle is on labelled data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headway.cli.data_options import dialect_of, labelled_items, local
from headway.errors import ConfigError, DataError, ReadError, did_you_mean
from headway.system.terminal import echo

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from headway.bundle.predictor import Predictor
    from headway.judge.intervals import Estimate

__all__ = ["evaluate"]

# Items whose outputs and targets are in memory at once, by where they lie; of masks only counts are kept.
CHUNK = {"file": 64, "values": 8_192}


def evaluate(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model.headway file.")],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", callback=local, help="A folder as for train, or a CSV or Parquet file.")
    ],
    *,
    input: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Table: column of file paths. For ratings give it twice.")
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Table: column of labels.")] = None,
    separator: Annotated[
        str | None, typer.Option(metavar="CHARACTER", help="Table: separator, or tab. Default: detected.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Table: text encoding, such as latin-1. Default: detected.")
    ] = None,
    decimal: Annotated[
        str | None,
        typer.Option(metavar="CHARACTER", help="Table: decimal mark, a point or a comma. Default: detected."),
    ] = None,
    groups: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of groups, such as patient: intervals count groups.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure a model on labelled data, with 95 % intervals.

    In a folder with train/, valid/ and test/ only the last of them counts. Exit status 1: a file cannot be read.
    """
    from headway.bundle.predictor import load
    from headway.judge.grouped_items import number_groups

    predictor, problems = load(bundle), []
    field = predictor.target
    dialect = dialect_of({"separator": separator, "encoding": encoding, "decimal": decimal})
    rows, part = labelled_items(
        predictor, data, inputs=input or (), target=target, dialect=dialect, tell=partial(echo, err=True)
    )
    if groups is not None and groups not in rows.columns:
        what = "`--groups` must name a column of the data."
        raise ConfigError(what, given=groups, fix=did_you_mean(groups, rows.columns))
    unanswered = field.is_missing(rows)
    rows = rows.filter([not is_missing for is_missing in unanswered])
    # Before the slow part: a label that the model does not know is an error.
    if field.files(predictor.input) is None and len(rows):
        field.encode(field.values(rows))
    judged: list[int] = []
    batches = _judged(predictor, rows, problems, judged)
    first = next(batches, None)
    if first is None:
        nouns = predictor.input.nouns
        first_problem = "".join(f"; {problem['file']}: {problem['error']}" for problem in problems[:1])
        given = f"{data}, {len(rows)} {nouns}{first_problem}"
        raise DataError(f"None of the {nouns} can be read.", given=given, fix="Correct the paths or the values.")
    metrics = field.metrics()
    outputs, targets = metrics.gather(chain([first], batches), num_outputs=field.num_outputs)
    apart = None if groups is None else number_groups(rows[judged][groups])
    estimates = metrics.evaluate(outputs, targets, groups=apart)
    facts = {"part": part, "items": len(outputs), "unanswered": sum(unanswered)}
    if as_json:
        values = {name: estimate.to_json() for name, estimate in estimates.items()}
        shown = {"bundle": str(bundle), "data": str(data), **facts, "metrics": values, "problems": problems}
        echo(json.dumps(shown))
    else:
        _show(estimates, facts, problems=problems)
    if problems:
        raise typer.Exit(1)


def _judged(
    predictor: Predictor, rows: pl.DataFrame, problems: list[dict[str, str]], judged: list[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Outputs and targets of those items that can be read, some at a time; the others are noted as problems.

    The positions of the former go to `judged`.
    """
    import numpy as np

    field, source = predictor.target, predictor.input.source
    outputs = predictor.try_outputs(rows if source == "values" else rows[predictor.input.column].to_list())
    for start in range(0, len(rows), CHUNK[source]):
        chunk = rows[start : start + CHUNK[source]]
        good, placed, readable = [], [], []
        for position, (name, output) in enumerate(zip(predictor.input.names(chunk), outputs, strict=False)):
            try:
                if isinstance(output, ReadError):
                    raise output
                # A target that lies in its item, as a mask or points do, is read by itself, and may fail too.
                if field.needs_geometry:
                    placed.append(field.view(field.place(chunk[position], predictor.input), predictor.input)[0])
            except ReadError as error:
                problems.append({"file": name, "error": str(error)})
                continue
            good.append(position)
            readable.append(output)
        if good:
            targets = np.stack(placed) if field.needs_geometry else field.encode(field.values(chunk[good]))
            judged += [start + position for position in good]
            yield np.stack(readable), targets


def _show(estimates: dict[str, Estimate], facts: dict[str, Any], *, problems: list[dict[str, str]]) -> None:
    echo(
        f"{facts['items']} items"
        + (f" of {facts['part']}" if facts["part"] else "")
        + (f", {facts['unanswered']} without an answer" if facts["unanswered"] else "")
        + (f", and {len(problems)} that cannot be read" if problems else "")
    )
    width = max(map(len, estimates))
    for name, estimate in estimates.items():
        echo(f"{name:<{width}}  {estimate}")
    for problem in problems:
        echo(f"{problem['file']}: {problem['error']}", err=True)
