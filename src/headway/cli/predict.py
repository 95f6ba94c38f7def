"""`headway predict`: a bundle's answer for each file, or for each row of a table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from headway.bundle.predictor import Predictor
    from headway.errors import ReadError
    from headway.fields import Prediction

__all__ = ["predict"]

NOTES_SHOWN = 5


def predict(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model.headway file.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Photos, or tables of rows, to answer for.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with every probability.")] = False,
) -> None:
    """Say what is in each file, or what each row of a table comes to. Exit status 1 if any cannot be read."""
    from headway.bundle.predictor import load
    from headway.errors import ReadError

    failed, notes, num_noted = False, Counter[str](), 0
    for place, answer in _answers(load(bundle), files):
        if isinstance(answer, ReadError):
            failed = True
            if as_json:
                typer.echo(json.dumps({**place, "error": str(answer)}))
            else:
                typer.echo(f"{_named(place)}: {answer}", err=True)
            continue
        notes.update(answer.notes)
        num_noted += bool(answer.notes)
        typer.echo(json.dumps({**place, **answer.to_json()}) if as_json else f"{_named(place)}: {_shown(answer)}")
    if notes:
        shown = "; ".join(f"{note} ({count:,})" for note, count in notes.most_common(NOTES_SHOWN))
        more = f"; and {len(notes) - NOTES_SHOWN} more" if len(notes) > NOTES_SHOWN else ""
        typer.echo(f"{num_noted:,} rows hold what no training row held: {shown}{more}", err=True)
    if failed:
        raise typer.Exit(1)


def _answers(predictor: Predictor, files: Sequence[Path]) -> Iterator[tuple[dict[str, Any], Prediction | ReadError]]:
    """Which item it is, as JSON values, and its answer."""
    if not predictor.input.is_table:
        yield from (({"file": str(f)}, answer) for f, answer in zip(files, predictor.try_many(files), strict=True))
        return
    from headway.data.sources import read_values

    for file in files:
        for row, answer in enumerate(predictor.try_many(read_values(file), batch_size=1024)):
            yield ({"file": str(file)} if len(files) > 1 else {}) | {"row": row}, answer


def _named(place: dict[str, Any]) -> str:
    return " ".join(str(value) if name == "file" else f"row {value}" for name, value in place.items())


def _shown(answer: Prediction) -> str:
    sure = "" if answer.score is None else f" {answer.score:.1%}"
    ranked = [] if answer.score is None else list(answer.probabilities.items())
    others = "".join(f" ({label} {share:.1%})" for label, share in ranked[1:2])
    doubt = ", but unlike what the model was trained on" if answer.familiar is False else ""
    return f"{answer.label}{sure}{others}{doubt}"
