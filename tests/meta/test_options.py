"""Messages and help name options that the command has; help groups them by subject, and its examples parse."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

from typer.main import get_command

from headway.cli import app
from tests.meta.modules import modules

OF_OTHER_PROGRAMS = {
    "bundle/format.py": {"--upgrade"},
    "bundle/site.py": {"--pack-destination"},
    "inputs/text/evidence.py": {"--share"},
    "inputs/image/weights.py": {"--no-deps"},
    "inputs/text/gradients.py": {"--share"},
    "system/versions.py": {"--porcelain"},
    "targets/category/page.py": {"--part", "--share"},
    "train/loggers.py": {"--logdir"},
}
"""Options of other programs, such as npm and pip, and variables of a page's style, by the module that names them."""

ROOT: Any = get_command(app)

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")


COMMANDS = {
    "cli/data_options.py": ("train",),
    "data/": ("train",),
    "data/dataset.py": ("resume",),
    "data/restore.py": ("resume", "repeat", "report"),
    "inputs/": ("train",),
    "runs/run.py": ("resume", "repeat", "report"),
    "serve/": ("serve",),
    "targets/": ("train",),
    "train/": ("train",),
}
"""The commands that show a module's messages, by the module or its folder; those of `cli/x.py` are of `headway x`."""

ELSEWHERE = {
    "cli/data_options.py": {"--accept-changes", "--data", "--provider"},
    "cli/drift.py": {"--log"},
    "cli/generate.py": {"--kind"},
    "inputs/image/plain_model.py": {"--format"},
    "inputs/image/plain_reader.py": {"--format"},
    "inputs/table/plain_reader.py": {"--format"},
    "inputs/text/plain_reader.py": {"--format"},
    "runs/run.py": {"--runs"},
}
"""Options that a module names and other commands than its own have, such as the folder of runs, which train takes."""


@cache
def _options(command: str = "") -> set[str]:
    """Every option of a command, or of all, `--no-...` included."""
    found, waiting = set(), [ROOT.commands[command] if command else ROOT]
    while waiting:
        at = waiting.pop()
        waiting += getattr(at, "commands", {}).values()
        for each in at.params:
            found |= {*each.opts, *each.secondary_opts}
    return found | {"--help", "--version"}


@cache
def _commands(module: str) -> tuple[str, ...]:
    """The commands that show a module's messages; any command where that is not said."""
    commands = ROOT.commands
    own = module.removeprefix("cli/").removesuffix(".py").replace("_", "-")
    if module.startswith("cli/") and own in commands:
        return (own,)
    return next((COMMANDS[key] for key in sorted(COMMANDS, reverse=True) if module.startswith(key)), ("",))


def _named(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from ((node.lineno, name) for name in OPTION.findall(node.value))


def test_messages_name_no_option_that_does_not_exist() -> None:
    wrong = []
    for module, file in modules().items():
        fine = OF_OTHER_PROGRAMS.get(module, set()) | ELSEWHERE.get(module, set())
        for command in _commands(module):
            known = fine | _options(command)
            wrong += [
                f"{module}:{line}: {name} ({command})" for line, name in _named(file.read_text()) if name not in known
            ]
    assert not wrong


def test_what_is_looked_for_is_found() -> None:
    assert [name for _, name in _named('"Add --log DIR."\nf"give --no-such {x}"')] == ["--log", "--no-such"]
    assert {"--keep-inputs", "--no-pretrained", "--range", "--version"} <= _options()


def _every_command() -> list[Any]:
    """The command line itself, its commands, and theirs."""
    commands: list[Any] = [ROOT]
    for command in commands:
        commands += getattr(command, "commands", {}).values()
    return commands


def test_options_of_train_are_grouped_by_subject() -> None:
    command = ROOT.commands["train"]
    subjects: dict[str | None, list[str]] = {}
    for option in command.params[1:]:
        subjects.setdefault(option.rich_help_panel, []).append(option.opts[0])
    assert subjects.pop(None) == ["--input", "--target", "--arch", "--epochs", "--minutes", "--name"]
    assert list(subjects) == ["Data", "Model", "Training", "Run", "Machine"]


def test_help_ends_with_examples_that_parse() -> None:
    root, *commands = _every_command()
    assert root.epilog.startswith("Start with: headway train photos/")
    for command in commands:
        title, *examples = command.epilog.splitlines()
        assert title == "Example:"
        assert examples
        for example in examples:
            program, name, *arguments = shlex.split(example)
            assert program == "headway"
            root.commands[name].make_context(name, arguments)


def test_help_says_what_every_option_is() -> None:
    silent = [option.opts for command in _every_command() for option in command.params if not option.help]
    assert not silent
