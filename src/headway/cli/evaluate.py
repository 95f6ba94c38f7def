"""`headway evaluate`: how good a bundle is on labelled data."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headway.cli.data_options import (
    Decimal,
    Encoding,
    Providers,
    Separator,
    dialect_of,
    table_if_remote,
)
from headway.cli.labelled_items import labelled_items
from headway.errors import ConfigError, DataError, ReadError, did_you_mean
from headway.system.files import read_file
from headway.system.terminal import echo

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from headway.bundle.predictor import Predictor
    from headway.judge.intervals import Estimate
    from headway.targets.base import Target

__all__ = ["evaluate"]

# Items whose outputs and targets are in memory at once, by where they lie; of masks only counts are kept.
CHUNK = {"file": 64, "values": 8_192}
_MAX_TABLE_BYTES = 2**33


def evaluate(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model.headway file.")],
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", callback=table_if_remote, help="A folder as for train, or a CSV or Parquet file."
        ),
    ],
    *,
    input: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Table: column of files or texts, or several.")
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Table: column of labels.")] = None,
    provider: Providers = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    clusters: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of what belongs together: intervals count patients.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure a model on labelled data, with 95 % intervals.

    In a folder with train/, valid/ and test/ only the last of them counts. Exit status 1: a file cannot be read.
    """
    from headway.bundle.predictor import load
    from headway.judge.grouped_items import number_groups

    predictor, problems = load(bundle, providers=provider), []
    field = predictor.target
    dialect = dialect_of({"separator": separator, "encoding": encoding, "decimal": decimal})
    rows, part = labelled_items(
        predictor, data, inputs=input or (), target=target, dialect=dialect, tell=partial(echo, err=True)
    )
    clusters = _clusters(clusters, rows, field)
    unanswered = field.is_missing(rows)
    rows = rows.filter([not is_missing for is_missing in unanswered])
    # Before the slow part: a label that the model does not know is an error.
    if field.files(predictor.input) is None and len(rows):
        field.encode(field.values(rows))
    judged: list[int] = []
    batches = _judged(predictor, rows, problems, judged)
    # One batch is read first: where nothing can be read there is nothing to measure, and an error says why.
    first = next(batches, None)
    if first is None:
        nouns = predictor.input.nouns
        first_problem = "".join(f"; {problem['file']}: {problem['error']}" for problem in problems[:1])
        given = f"{data}, {len(rows)} {nouns}{first_problem}"
        raise DataError(f"None of the {nouns} can be read.", given=given, fix="Correct the paths or the values.")
    metrics = field.metrics()
    outputs, targets = metrics.gather(chain([first], batches), num_outputs=field.num_outputs)
    apart = None if clusters is None else number_groups(rows[judged][clusters])
    estimates = metrics.evaluate(outputs, targets, groups=apart)
    facts = {"part": part, "items": len(outputs), "unanswered": sum(unanswered)}
    facts["in_training"] = _num_in_training(bundle, predictor, rows[judged])
    if as_json:
        values = {name: estimate.to_json() for name, estimate in estimates.items()}
        shown = {"bundle": str(bundle), "data": str(data), **facts, "metrics": values, "problems": problems}
        echo(json.dumps(shown))
    else:
        _show(estimates, facts, problems=problems)
    if problems:
        raise typer.Exit(1)


def _clusters(named: str | None, rows: pl.DataFrame, field: Target) -> str | None:
    """The column of what belongs together: the one that is named, or that which the kind of target makes itself."""
    if named is not None and named not in rows.columns:
        what = "`--clusters` must name a column of the data."
        raise ConfigError(what, given=named, fix=did_you_mean(named, rows.columns))
    return named or (field.groups if field.groups in rows.columns else None)


def _num_in_training(bundle: Path, predictor: Predictor, rows: pl.DataFrame) -> int | None:
    """How many of the rows were in training, by the table of the run that the bundle lies in; None without one.

    Files are compared by their bytes; rows of a table by what the model is given of them, and their targets.
    """
    import numpy as np
    import polars as pl

    table = bundle.resolve().parent / "items.parquet"
    if not table.is_file():
        return None
    train = pl.read_parquet(io.BytesIO(read_file(table, max_bytes=_MAX_TABLE_BYTES))).filter(pl.col("split") == "train")
    field, input = predictor.target, predictor.input

    def keys(frame: pl.DataFrame) -> list[bytes]:
        arrays = input.read_rows(frame)
        return [
            np.asarray(array).tobytes() + repr(value).encode()
            for array, value in zip(arrays, field.values(frame), strict=True)
        ]

    if input.source == "values":
        known, asked = {*keys(train)}, keys(rows)
    else:
        known = {*train["content"]}
        files = (item if isinstance(item, bytes) else read_file(item) for item in rows[input.column])
        asked = [hashlib.blake2b(file, digest_size=16).hexdigest() for file in files]
    return sum(key in known for key in asked)


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
    if facts["in_training"]:
        echo(f"{facts['in_training']} of {facts['items']} items were in training: on new data the model may be worse.")
    width = max(map(len, estimates))
    for name, estimate in estimates.items():
        echo(f"{name:<{width}}  {estimate}")
    for problem in problems:
        echo(f"{problem['file']}: {problem['error']}", err=True)
