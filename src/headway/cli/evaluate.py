"""`headway evaluate`: how good a bundle is on labelled data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from headway.bundle.predictor import Predictor
    from headway.fields import Prediction
    from headway.judge.intervals import Estimate

__all__ = ["evaluate", "row_of"]


def evaluate(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model.headway file.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A folder of class folders, or a CSV or Parquet file.")],
    *,
    input: Annotated[str | None, typer.Option(metavar="COLUMN", help="The table's column of files.")] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="The table's column of labels.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure a model on labelled data, with intervals. Exit status 1 if a file cannot be read.

    Of a folder with train, valid and test folders only the last of them counts.
    """
    import numpy as np

    from headway.bundle.predictor import load
    from headway.errors import DataError, ReadError, explain
    from headway.judge import tasks

    predictor = load(bundle)
    to_row = row_of(predictor)
    files, items, labels, part = _items(predictor, data, input=input, target=target)
    # Before the slow part: a label that the model does not know is an error.
    targets = predictor.target.encode(labels)
    rows, answers, problems = [], [], []
    for row, (file, answer) in enumerate(zip(files, predictor.try_many(items), strict=True)):
        if isinstance(answer, ReadError):
            problems.append({"file": file, "error": str(answer)})
        else:
            rows.append(row)
            answers.append(to_row(answer))
    if not rows:
        given = f"{data}, {len(problems)} files" + "".join(f"; {e['file']}: {e['error']}" for e in problems[:1])
        raise DataError(explain("None of the files can be read.", given=given, fix="Correct the paths."))
    limits = getattr(predictor.target, "thresholds", ())
    found = tasks.evaluate(np.array(answers), targets[rows], task=predictor.target.task, thresholds=limits)
    if as_json:
        values = {name: estimate.to_json() for name, estimate in found.items()}
        shown = {
            "bundle": str(bundle),
            "data": str(data),
            "part": part,
            "items": len(rows),
            "metrics": values,
            "problems": problems,
        }
        typer.echo(json.dumps(shown))
    else:
        _show(found, part=part, num_items=len(rows), problems=problems)
    if problems:
        raise typer.Exit(1)


def row_of(predictor: Predictor) -> Callable[[Prediction], list[float]]:
    """What turns a prediction into a row of what the metrics take.

    Raises:
        ConfigError: If its answers lie in pictures, which a bundle's answers leave behind.
    """
    from headway.errors import ConfigError, explain

    def shares(answer: Prediction) -> list[float]:
        return [answer.probabilities[label] for label in predictor.labels]

    known = {"classification": shares, "multilabel": shares, "regression": lambda answer: [float(answer.value)]}
    task = predictor.target.task
    if task not in known:
        what = "A bundle is measured where its answers are classes, labels or numbers."
        fix = "Judge the model with `learner.evaluate()`, which has the pictures that its answers lie in."
        raise ConfigError(explain(what, given=f"{task}, {predictor.target.column!r}", fix=fix))
    return known[task]


def _items(
    predictor: Predictor, data: Path, *, input: str | None, target: str | None
) -> tuple[list[str], Any, list[Any], str | None]:
    """Names, items, their labels, and the part they are of, where the folder is split: the model may have seen train.

    A table's columns are those that the model was trained with, unless named.
    """
    from headway.data import sources

    if predictor.input.is_table:
        return (*_rows(predictor, data, target), None)
    if not sources.is_table(data):
        rows = sources.list_folder(data)
        part = None
        if "split" in rows.columns:
            part = max(rows["split"].unique().to_list(), key=["train", "valid", "test"].index)
            rows = rows.filter(rows["split"] == part)
        files = rows["file"].to_list()
        return files, files, rows["label"].to_list(), part
    file_column, label_column = input or predictor.input.column, target or predictor.target.column
    rows = sources.read_table(data, input=file_column, target=label_column)
    files = rows[file_column].to_list()
    return files, files, rows[label_column].to_list(), None


def _rows(predictor: Predictor, data: Path, target: str | None) -> tuple[list[str], Any, list[Any]]:
    """Names, rows and answers of those of a table's rows that have an answer."""
    from headway.data.checks import check_columns
    from headway.data.sources import read_values

    rows, column = read_values(data), target or predictor.target.column
    if column != predictor.target.column and column in rows.columns:
        rows = rows.drop(predictor.target.column, strict=False).rename({column: predictor.target.column})
    check_columns(rows, predictor.input, predictor.target, split_column="split")
    rows = rows.with_row_index("row").filter([not each for each in predictor.target.is_missing(rows)])
    return predictor.input.names(rows), rows, predictor.target.values(rows)


def _show(found: dict[str, Estimate], *, part: str | None, num_items: int, problems: list[dict[str, str]]) -> None:
    typer.echo(
        f"{num_items} items"
        + (f" of {part}" if part else "")
        + (f", and {len(problems)} that cannot be read" if problems else "")
    )
    width = max(map(len, found))
    for name, estimate in found.items():
        typer.echo(f"{name:<{width}}  {estimate}")
    for problem in problems:
        typer.echo(f"{problem['file']}: {problem['error']}", err=True)
