"""What others have named cannot steer the terminal, whichever way it gets there."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headway.bundle.format import read_bundle, write_bundle
from headway.cli import app
from headway.system import terminal
from headway.system.terminal import echo, echo_table, text_width, visible
from headway.train.progress import Progress
from tests.serve.server import GOLDEN, picture

HOSTILE = {
    "clear": "\x1b[2J\x1b[31m",
    "title": "\x1b]0;pwned\x07",
    "return": "dog\rcat",
    "bell": "\x07",
    "c1": "\x9b2J\x9d0;pwned\x9c",
    "bidi": "\u202egpj.exe\u2066",
    "separator": "a\u2028b",
    "half": "\udc80",
    "erase": "\x7f\x08",
}
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_each_is_shown_by_its_number(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for lines in (False, True):
        assert not STEERING.search(visible(text, lines=lines))
    echo(text)
    echo(text, err=True, lines=True)
    Progress().tell(text)
    echo_table(["name", text], [(text, "[red]all is well[/red] :dog:")])
    out, err = capsys.readouterr()
    assert not STEERING.search(out + err)
    assert "[red]all is well[/red] :dog:" in " ".join(out.split())


def test_letters_of_all_languages_stay() -> None:
    text = "Katzenbär 日本 עברית فارسی‌ها 👩‍🚀"
    assert visible(text) == text


def test_lines_are_headways_own() -> None:
    assert visible("a\tb\nheadway: all is well") == "a\\u0009b\\u000aheadway: all is well"
    assert visible("a\tb\nc", lines=True) == "a\tb\nc"


def bundle(folder: Path, labels: list[str]) -> Path:
    manifest = read_bundle(GOLDEN).manifest
    manifest = {**manifest, "target": {**manifest["target"], "labels": labels}}
    return write_bundle(folder / "model.headway", manifest=manifest, files=read_bundle(GOLDEN).files)


@pytest.mark.slow
@pytest.mark.parametrize("text", [text for name, text in HOSTILE.items() if name != "half"])
def test_labels_and_file_names_in_predict(text: str, tmp_path: Path) -> None:
    labels = [f"{number}{text}\nheadway: all is well" for number in range(3)]
    path, photo, broken = bundle(tmp_path, labels), tmp_path / f"a{text}\n.png", tmp_path / f"b{text}.png"
    photo.write_bytes(picture())
    broken.write_bytes(b"no picture")
    done = CliRunner().invoke(app, ["predict", str(path), str(photo), str(broken)])
    assert not STEERING.search(done.output)
    # A line an item, and none that a label has made.
    assert len(done.stdout.splitlines()) == 1
    assert len(done.stderr.splitlines()) == 1
    as_json = CliRunner().invoke(app, ["predict", str(path), str(photo), "--json"])
    assert json.loads(as_json.stdout)["label"] in labels
    assert not STEERING.search(as_json.output)


def test_a_run_s_name(tmp_path: Path) -> None:
    run = tmp_path / "a\x1b[2J[bold]x"
    run.mkdir()
    settings: dict[str, Any] = {"settings": {"arch": "\x1b]0;pwned\x07"}, "data": {"items": 3}, "versions": {}}
    (run / "config.json").write_text(json.dumps(settings))
    done = CliRunner().invoke(app, ["runs", str(tmp_path)])
    assert not STEERING.search(done.output)
    assert "a\\u001b[2J[bold]x" in done.output


def test_nothing_else_writes_to_the_terminal() -> None:
    root = Path(terminal.__file__).parents[1]
    direct = re.compile(
        r"^\s*(?:print|typer\.echo|typer\.secho|click\.echo|sys\.std(?:out|err)\.write)\(|Console\(\)", re.M
    )
    names = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if direct.search(re.sub(r'"""(?s:.*?)"""', "", path.read_text()))
    }
    # The course shows its own texts and the learner's own output, an explained failure has colours of its own,
    # and what `peel` writes prints by itself. Ctrl-C may come before `echo` is imported.
    others = re.compile(r"(cli/)?(course|why)(/|\.py$)|peel/|__main__\.py$")
    assert [name for name in sorted(names) if not others.match(name)] == ["system/terminal.py"], "write through `echo`"


def test_long_lines_are_broken_between_words_in_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "valid  0.9\n  3 files in test/ are left out. See /a/long/path/of/a/folder"
    monkeypatch.setenv("COLUMNS", "30")
    echo(text, lines=True)
    assert capsys.readouterr().out == f"{text}\n"
    assert text_width() == 100
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    echo(text, lines=True)
    assert capsys.readouterr().out == (
        "valid  0.9\n  3 files in test/ are left\n    out. See\n    /a/long/path/of/a/folder\n"
    )
    assert text_width() == 30
