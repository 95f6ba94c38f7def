from __future__ import annotations

import dataclasses
import sys
from typing import Any

import pytest
from typer.main import get_command

from headway.cli import app
from headway.cli.data_options import LEFT_OUT, DataOptions
from tests.unit.cli.conftest import Command

FIELDS = {field.name: field.default for field in dataclasses.fields(DataOptions)}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_command_takes_all_options_but_those_that_it_leaves_out(name: str) -> None:
    commands: Any = get_command(app)
    taken = [option.name for option in commands.commands[name].params if option.name in FIELDS]
    assert set(LEFT_OUT[name]) <= FIELDS.keys()
    assert taken == [option for option in FIELDS if option not in LEFT_OUT[name]]


def test_what_one_command_was_told_the_next_is_not(headway: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[DataOptions] = []

    def read_data(said: DataOptions, *_: object, **__: object) -> None:
        told.append(said)
        raise SystemExit

    for name in ("audit", "lab", "clean"):
        monkeypatch.setattr(sys.modules[f"headway.cli.{name}"], "read_data", read_data)
    options = ("--target", "age", "--range", "0,9", "--input", "a", "--input", "b", "--valid", 0.3, "--decimal", ",")
    headway("audit", "people.csv", *options, "--size", 32, "--decisions", "mine.jsonl")
    headway("lab", "people.csv")
    headway("clean", "people.csv", "--decisions", "new.jsonl")
    first, second, third = told
    assert dataclasses.asdict(first) == FIELDS | {
        "target": "age", "limits": "0,9", "input": ["a", "b"], "valid": 0.3, "decimal": ",", "size": 32,
        "decisions": ["mine.jsonl"],
    }  # fmt: skip
    assert dataclasses.asdict(second) == FIELDS
    # Its page shows all items, and writes the file.
    assert third == second


def test_an_option_that_a_command_leaves_out_is_unknown_to_it(headway: Command) -> None:
    done = headway("lab", "people.csv", "--size", 32)
    assert done.status == 2
    assert "No such option: --size" in done.err
