from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

import headway.cli as cli
from tests.unit.cli.conftest import Command


@pytest.mark.parametrize(("words", "told"), [(("evalute",), "evaluate"), (("course", "quis"), "quiz")])
def test_a_misspelt_command_is_told_the_right_one(headway: Command, words: tuple[str, ...], told: str) -> None:
    done = headway(*words)
    assert done.status == 2
    assert f"Did you mean '{told}'?" in done.err


def test_help_shows_every_command(headway: Command) -> None:
    shown = headway("--help").out
    names = [command.__name__.replace("_", "-") for group in cli.COMMANDS.values() for command in group]
    assert all(f" {name} " in shown for name in [*names, "course", "datasets"])


def test_one_command_is_built_where_one_is_named(
    headway: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All of them take as long to build as a short command takes to run."""
    build, built = typer.main.get_command_from_info, []

    def building(*given: Any, **named: Any) -> Any:
        built.append(given)
        return build(*given, **named)

    monkeypatch.setattr(typer.main, "get_command_from_info", building)
    assert headway("runs", tmp_path).status == 0
    assert len(built) == 1


def test_a_library_that_is_not_installed(headway: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,y\n1,2\n")
    monkeypatch.setitem(sys.modules, "polars", None)
    done = headway("audit", "rows.csv", "--target", "y")
    assert done.status == 2
    assert done.err == (
        "headway: A library that this command needs is not installed.\n  Given: polars\n"
        "  Fix:   pip install headway installs all that it needs.\n"
    )


def test_a_module_that_other_code_does_not_find(headway: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_asked_for", lambda *_: lambda: import_module("no_such_module"))
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        headway("runs")
