"""`headway evaluate`: how good a bundle is on labelled data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from headway.bundle.predictor import Predictor
    from headway.judge.intervals import Estimate

__all__ = ["evaluate"]


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
    from headway.judge import metrics

    predictor = load(bundle)
    files, labels, part = _items(predictor, data, input=input, target=target)
    # Before the slow part: a label that the model does not know is an error.
    classes = predictor.target.encode(labels)
    rows, probabilities, problems = [], [], []
    for row, (file, answer) in enumerate(zip(files, predictor.try_many(files), strict=True)):
        if isinstance(answer, ReadError):
            problems.append({"file": file, "error": str(answer)})
        else:
            rows.append(row)
            probabilities.append([answer.probabilities[label] for label in predictor.labels])
    if not rows:
        given = f"{data}, {len(problems)} files" + "".join(f"; {e['file']}: {e['error']}" for e in problems[:1])
        raise DataError(explain("None of the files can be read.", given=given, fix="Correct the paths."))
    found = metrics.evaluate(np.array(probabilities), classes[rows])
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


def _items(
    predictor: Predictor, data: Path, *, input: str | None, target: str | None
) -> tuple[list[str], list[str], str | None]:
    """Files, their labels, and the part they are of, where the folder is split: the model may have seen train.

    A table's columns are those that the model was trained with, unless named.
    """
    from headway.data import sources

    if not sources.is_table(data):
        rows = sources.list_folder(data)
        part = None
        if "split" in rows.columns:
            part = max(rows["split"].unique().to_list(), key=["train", "valid", "test"].index)
            rows = rows.filter(rows["split"] == part)
        return rows["file"].to_list(), rows["label"].to_list(), part
    file_column, label_column = input or predictor.input.column, target or predictor.target.column
    rows = sources.read_table(data, input=file_column, target=label_column)
    return rows[file_column].to_list(), rows[label_column].to_list(), None


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
