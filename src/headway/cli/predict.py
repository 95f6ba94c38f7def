"""`headway predict`: a bundle's answer for each file, for each row of a table, or for a text."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headway.cli.data_options import Decimal, Encoding, Providers, Separator, dialect_of
from headway.errors import ConfigError, DataError, ReadError
from headway.system.files import writable, write_whole
from headway.system.remote import beside, is_remote
from headway.system.terminal import echo

if TYPE_CHECKING:
    from headway.bundle.predictor import Predictor
    from headway.data.tables import Dialect
    from headway.inputs.base import Input
    from headway.targets.base import Prediction

__all__ = ["predict"]

NOTES_SHOWN = 5
# Characters of a text before its answer.
TEXT_SHOWN = 60


def predict(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model.headway file.")],
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Photos, folders of photos, or tables; or their addresses. For a model of texts also a text itself.",
        ),
    ],
    *,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder to write to: of masks PHOTO.mask.png files; of shards, Parquet, there also at an address.",
        ),
    ] = None,
    shards: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Parquet table: divide its rows into N shards.")
    ] = None,
    shard: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Answer for this shard alone, from 0. Default: all.")
    ] = None,
    provider: Providers = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line per item, with all probabilities.")
    ] = False,
) -> None:
    """Predict each file, each row of a table, or a text. Exit status 1: one of them cannot be read."""
    if shards is not None or shard is not None:
        _shards(bundle, files, output=output, shards=shards, shard=shard, providers=provider)
        return
    from headway.bundle.predictor import load

    predictor = load(bundle, providers=provider)
    dialect = dialect_of({"separator": separator, "encoding": encoding, "decimal": decimal})
    files = [path for file in map(str, files) for path in _listed(file, predictor.input, dialect)]
    written = _media_files(predictor, files, output)
    failed, notes, num_noted = False, Counter[str](), 0
    for item, answer in _answers(predictor, files, dialect):
        if isinstance(answer, ReadError):
            # The other items are answered all the same; only the exit status tells a script.
            failed = True
            if as_json:
                echo(json.dumps({**item, "error": str(answer)}))
            else:
                echo(f"{_named(item)}: {answer}", err=True)
            continue
        if written:
            assert predictor.target.media
            file = written[item["file"]]
            with writable(f"The {predictor.target.media.name}", file):
                write_whole(file, predictor.target.to_media(answer))
            item = {**item, predictor.target.media.name: str(file)}
        # Counted and said once at the end: a column that is new in every row would drown the answers.
        notes.update(answer.notes)
        num_noted += bool(answer.notes)
        echo(json.dumps({**item, **answer.to_json()}) if as_json else f"{_named(item)}: {_shown(answer)}")
    if notes:
        shown = "; ".join(f"{note} ({count:,})" for note, count in notes.most_common(NOTES_SHOWN))
        more = f"; and {len(notes) - NOTES_SHOWN} more" if len(notes) > NOTES_SHOWN else ""
        echo(f"{num_noted:,} {predictor.input.nouns} have values that training did not have: {shown}{more}", err=True)
    if failed:
        raise typer.Exit(1)


def _shards(
    bundle: Path,
    files: Sequence[str],
    *,
    output: str | None,
    shards: int | None,
    shard: int | None,
    providers: Sequence[str] | None,
) -> None:
    """Writes the answers for one shard of a table's rows, or for all that are not there yet."""
    from headway.bundle.scoring import Scorer, score_shard

    if shards is None or output is None or len(files) != 1:
        what = "A table is answered in shards with `--shards`, `--output` and one Parquet file."
        given = f"--shards {shards}, --output {output}, files: {', '.join(files)}"
        raise ConfigError(what, given=given, fix="headway predict BUNDLE items.parquet --shards 16 --output answers/")
    scorer = Scorer(bundle, providers=providers)
    for number in range(shards) if shard is None else (shard,):
        written, is_new = score_shard(scorer, files[0], output, shard=number, shards=shards)
        echo(f"{written}{'' if is_new else ': there already'}")


def _is_text(argument: str, input: Input) -> bool:
    """Whether an argument is a text that a model of one column of texts is asked about, and not a file that has one."""
    from headway.data.tables import names_table

    if input.source != "values" or [column.kind for column in input.form()] != ["text"]:
        return False
    # One word with an ending is a file that is not there.
    names_file = names_table(argument) or (" " not in argument and Path(argument).suffix)
    # Not by pathlib, which raises at what is longer than a name may be.
    return not (names_file or is_remote(argument) or os.path.exists(argument))


def _text_in(file: str, input: Input) -> str | None:
    """What a file holds that is a text itself, as those in a folder of texts; None where it is a table."""
    import polars as pl

    if not os.path.isfile(file) or len(input.columns) > 1:
        return None
    made = input.from_files(pl.DataFrame({"file": [file]}))
    if made is None:
        return None
    text = made[0][made[1].column][0] or ""
    names = re.split(r"[,;|\t]", text.partition("\n")[0])
    return None if input.column in [name.strip().strip('"') for name in names] else text


def _listed(file: str, input: Input, dialect: Dialect) -> list[str]:
    """The files that an argument stands for: those in a folder, or those that a table names where a file is an item."""
    from headway.data.normal_form import existing_paths
    from headway.data.sources import files_below
    from headway.data.tables import names_table, read_values

    if _is_text(file, input):
        return [file]
    if Path(file).is_dir():
        inside = [str(path) for path in files_below(Path(file)) if not path.name.lower().endswith(input.beside)]
        if not inside:
            raise DataError("The folder has no files.", given=file, fix="Pass files, or a folder of them.")
        return inside
    if input.source != "file" or not names_table(file):
        return [file]
    table = read_values(file, dialect, tell=_tell)
    if input.column not in table.columns:
        what = f"The table has no column {input.column!r}, which named the files when the model was trained."
        raise DataError(what, given=f"columns: {', '.join(table.columns)}", fix="Pass the files themselves.")
    # What is no file is answered as such, in its turn.
    paths = table[input.column].cast(str).fill_null("")
    if is_remote(file):
        return beside(file, paths).to_list()
    paths, notes = existing_paths(paths, Path(file).parent)
    for note in notes:
        _tell(note)
    return paths.fill_null("").to_list()


_tell = partial(echo, err=True)


def _answers(
    predictor: Predictor, files: Sequence[str], dialect: Dialect
) -> Iterator[tuple[dict[str, Any], Prediction | ReadError]]:
    """Which item it is, as JSON values, and its answer."""
    if predictor.input.source == "file":
        names = ({"file": file} for file in files)
        yield from zip(names, predictor.try_many(files), strict=True)
        return
    from headway.data.tables import read_values

    for file in files:
        if _is_text(file, predictor.input):
            yield {"text": file}, next(iter(predictor.try_many([file])))
            continue
        text = _text_in(file, predictor.input)
        if text is not None:
            yield {"file": file}, next(iter(predictor.try_many([text])))
            continue
        table = read_values(file, dialect, tell=_tell)
        if table.is_empty():
            _tell(f"{file}: no rows")
        series = predictor.input.series_in(table)
        for row, answer in enumerate(predictor.try_many(table, batch_size=1024)):
            name = {"row": row} if series is None else {"series": series[row]}
            yield ({"file": file} if len(files) > 1 else {}) | name, answer


def _media_files(predictor: Predictor, files: Sequence[str], output: str | None) -> dict[str, Path]:
    """Where the answer for each file is written, by the file's path; the folder is made."""
    if output is None:
        return {}
    if is_remote(output):
        raise ConfigError("Masks are written to a folder.", given=f"--output {output}", fix="Name one on this machine.")
    media = predictor.target.media
    if media is None or predictor.input.source != "file":
        what, fix = "`--output` is for models that predict masks.", "Leave it out; --json prints all of each answer."
        raise ConfigError(what, given=f"--output {output}, {predictor.target.task}", fix=fix)
    written = {file: Path(output) / f"{Path(file).stem}.{media.name}.{media.suffix}" for file in files}
    # Before anything is predicted, as one file would replace the other without a word.
    twice = [name for name, count in Counter(written.values()).items() if count > 1]
    if twice:
        what = f"The {media.name} files of two {predictor.input.nouns} would have the same name."
        raise ConfigError(what, given=twice[0], fix="Predict for them in two calls, with a folder each.")
    try:
        Path(output).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        given = f"{output} ({error.strerror or error})"
        raise ConfigError("The folder cannot be made.", given=given, fix="Name another.") from error
    return written


def _named(item: dict[str, Any]) -> str:
    """What an item is called on a line: its file, and its row or series where it is a table's; or how a text begins."""
    if "text" in item:
        line = " ".join(item["text"].split())
        return line if len(line) <= TEXT_SHOWN else f"{line[: TEXT_SHOWN - 4]} ..."
    names = {key: value for key, value in item.items() if key in ("file", "row", "series")}
    return " ".join(value if key == "file" else f"{key} {value}" for key, value in names.items())


def _shown(answer: Prediction) -> str:
    line = answer.label
    # Of a mask these are shares of the picture, and the score is another thing.
    if answer.score is not None and answer.label in answer.probabilities:
        line += f" {answer.probabilities[answer.label]:.1%}"
        line += "".join(f" ({label} {share:.1%})" for label, share in list(answer.probabilities.items())[1:2])
    return line + (", but unlike what the model was trained on" if answer.familiar is False else "")
