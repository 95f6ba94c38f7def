"""`headway train` on tables as people write them: each option and each form of file, a whole command up to training."""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

import headway as hw
from tests.unit.cli.conftest import Command, Done

Trained = Callable[..., tuple[Done, hw.Data]]

ROWS = 60
# Columns as text: decimals with a point, a town with an umlaut, and a class.
TABLE = pl.DataFrame(
    {
        "size": [f"{1000 + 7 * row}.{row % 10}" for row in range(ROWS)],
        "town": ["Köln" if row % 3 else "Ulm" for row in range(ROWS)],
        "y": ["no" if row % 2 else "yes" for row in range(ROWS)],
    }
)
SIZES = [float(size) for size in TABLE["size"]]


@pytest.fixture
def trained(headway: Command, monkeypatch: pytest.MonkeyPatch) -> Trained:
    """Runs `headway train` up to training: how it ended, and the data that it read."""

    def run(*arguments: object) -> tuple[Done, hw.Data]:
        seen: list[hw.Data] = []
        monkeypatch.setattr(hw.Learner, "fine_tune", lambda learner, **options: seen.append(learner.data))
        monkeypatch.setattr(sys.modules["headway.cli.train"], "finish", lambda learner, **options: None)
        done = headway("train", *arguments, "--device", "cpu")
        assert (done.status, len(seen)) == (0, 1), done.err
        return done, seen[0]

    return run


def text(separator: str = ",", *, decimal: str = ".", frame: pl.DataFrame = TABLE) -> str:
    rows = [separator.join(row).replace(".", decimal) for row in frame.iter_rows()]
    return "\n".join([separator.join(frame.columns), *rows, ""])


def check(data: hw.Data) -> None:
    items = data.items.sort("row")
    assert items["size"].to_list() == SIZES
    assert set(items["town"]) == {"Köln", "Ulm"}
    assert data.target.labels == ("no", "yes")


@pytest.mark.parametrize(("separator", "said"), [(";", ";"), ("\t", "tab"), ("|", "|"), (":", ":")])
def test_separator(trained: Trained, tmp_path: Path, separator: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(text(separator))
    done, data = trained("t.csv", "--target", "y", "--separator", said)
    check(data)
    assert "Columns are separated" not in done.out


@pytest.mark.slow
def test_what_was_recognised_is_said_once(headway: Command, tmp_path: Path) -> None:
    """Before training; what it ends with has the report's other notes."""
    (tmp_path / "t.csv").write_text(text(";"))
    done = headway("train", "t.csv", "--target", "y", "--epochs", 1, "--device", "cpu")
    assert done.status == 0
    assert (done.out + done.err).count("Columns are separated by ';'") == 1


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp437"])
def test_encoding(trained: Trained, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes(text().encode(encoding))
    check(trained("t.csv", "--target", "y", "--encoding", encoding)[1])


def test_decimal(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text(";", decimal=","))
    check(trained("t.csv", "--target", "y", "--separator", ";", "--decimal", ",")[1])
    # The other way, 1.445 with a decimal comma is a thousand and more.
    grouped = TABLE.with_columns(size=pl.Series([f"{1 + row % 8}.{100 + row}" for row in range(ROWS)]))
    (tmp_path / "t.csv").write_text(text(";", frame=grouped))
    [comma, point] = [trained("t.csv", "--target", "y", "--decimal", mark)[1].items.sort("row") for mark in ",."]
    assert (comma["size"][0], point["size"][0]) == (1100, 1.1)


def test_missing(trained: Trained, tmp_path: Path) -> None:
    unknown = TABLE.with_columns(y=pl.Series(["-" if row < 3 else label for row, label in enumerate(TABLE["y"])]))
    (tmp_path / "t.csv").write_text(text(frame=unknown))
    _, data = trained("t.csv", "--target", "y", "--missing", "-,none")
    assert (data.target.labels, len(data.items)) == (("no", "yes"), ROWS - 3)


def test_label_separator(trained: Trained, tmp_path: Path) -> None:
    for row in range(24):
        Image.new("L", (16, 16), 8 * row).save(tmp_path / f"{row}.png")
    tags = ["disc/warm", "disc", "warm"] * 8
    rows = "\n".join(f"{row}.png,{label}" for row, label in enumerate(tags))
    (tmp_path / "t.csv").write_text(f"file,tags\n{rows}\n")
    photos = ("--input", "file", "--target", "tags", "--size", 16, "--arch", "small_resnet")
    _, data = trained("t.csv", *photos, "--kind", "categories", "--label-separator", "/")
    assert data.target.labels == ("disc", "warm")


def workbook(path: Path, rows: list[list[Any]]) -> None:
    """A sheet as a spreadsheet saves it: a zip of XML."""

    def cell(value: Any) -> str:
        is_number = not isinstance(value, str)
        return f"<c><v>{value}</v></c>" if is_number else f'<c t="inlineStr"><is><t>{value}</t></is></c>'

    sheet = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"

    def relation(name: str, target: str) -> str:
        entry = f'<Relationship Id="rId1" Type="{office}/{name}" Target="{target}"/>'
        return f'<Relationships xmlns="{package}/relationships">{entry}</Relationships>'

    files = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": relation("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}">'
        '<sheets><sheet name="people" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relation("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{content}')


@pytest.mark.parametrize("name", ["t.csv.gz", "t.txt", "t.jsonl", "t.tsv", "t.xlsx"])
def test_forms_of_files(trained: Trained, tmp_path: Path, name: str) -> None:
    records = [{**row, "size": float(row["size"])} for row in TABLE.to_dicts()]
    if name == "t.csv.gz":
        (tmp_path / name).write_bytes(gzip.compress(text().encode()))
    elif name == "t.jsonl":
        (tmp_path / name).write_text("\n".join(map(json.dumps, records)))
    elif name == "t.xlsx":
        if importlib.util.find_spec("fastexcel") is None:
            pytest.skip("Excel files are read by fastexcel, which is not installed")
        workbook(tmp_path / name, [TABLE.columns, *(list(record.values()) for record in records)])
    else:
        (tmp_path / name).write_text(text("\t" if name == "t.tsv" else ","))
    check(trained(name, "--target", "y")[1])


def test_what_is_recognised_is_shown(trained: Trained, tmp_path: Path) -> None:
    frame = TABLE.with_columns(
        price=pl.Series([f"{row},50 €" for row in range(ROWS)]),
        share=pl.Series([f"{row}%" for row in range(ROWS)]),
        big=pl.Series([f"{1 + row}.000,5" for row in range(ROWS)]),
        when=pl.Series([f"{1 + row % 28:02d}/{1 + row % 12:02d}/2024" for row in range(ROWS)]),
        unclear=pl.Series([f"{1 + row % 12:02d}/{1 + row % 11:02d}/2024" for row in range(ROWS)]),
        odd=pl.Series(["about 5 €" if row == 17 else f"{row} €" for row in range(ROWS)]),
    )
    frame = frame.with_columns(size=pl.Series([size.replace(".", ",") for size in TABLE["size"]]))
    (tmp_path / "t.csv").write_text("\n".join(map(";".join, [frame.columns, *frame.iter_rows()])))
    done, data = trained("t.csv", "--target", "y")
    items = data.items.sort("row")
    assert (items["price"][3], items["share"][3], items["big"][3]) == (3.5, 3.0, 4000.5)
    assert items["when"][13] == "2024-02-14"
    lines = [line.strip() for line in done.out.splitlines()]
    assert "Columns are separated by ';'; another: --separator (separator=)." in lines
    [shown] = [line for line in lines if line.startswith("Values are read as numbers or dates: ")]
    assert "'price' '0,50 €' as 0.5, 'share' '0%' as 0.0, 'big' '1.000,5' as 1000.5" in shown
    assert shown.endswith("; otherwise: --decimal (decimal=).")
    assert "left out: unclear (dates of which day and month are not clear; write them as 2024-02-29)" in lines
    assert "left out: odd (numbers, but 'about 5 €' in row 17; empty there, they are learned from)" in lines


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--separator", ";;", '`separator` must be one ASCII character, or "tab".'),
        ("--encoding", "latin-99", "`encoding` must be an encoding that Python knows, such as latin-1."),
        ("--decimal", ";", '`decimal` must be "." or ",".'),
    ],
)
def test_a_dialect_that_cannot_be_is_refused(
    headway: Command, tmp_path: Path, option: str, value: str, message: str
) -> None:
    (tmp_path / "t.csv").write_text(text())
    dialect = {"separator": None, "encoding": None, "decimal": None} | {option[2:]: value}
    done = headway("train", "t.csv", "--target", "y", option, value)
    assert (done.status, done.out) == (2, "")
    shown = ", ".join(f"{name}={said!r}" for name, said in dialect.items())
    assert done.err == (
        f"headway: {message}\n  Given: {shown}\n  Fix:   Correct it, or leave it out to have it recognised.\n"
    )
