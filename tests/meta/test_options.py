"""Messages and help name options of the command line that there are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from typer.main import get_command

from headway.cli import app
from tests.meta.modules import modules

OF_OTHER_PROGRAMS = {
    "bundle/format.py": {"--upgrade"},
    "bundle/site.py": {"--pack-destination"},
    "system/versions.py": {"--porcelain"},
    "targets/category/page.py": {"--part", "--share"},
    "train/loggers.py": {"--logdir"},
}
"""Options of other programs, such as npm and pip, and variables of a page's style, by the module that names them."""

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")


def _options() -> set[str]:
    """Every option of every command, `--no-...` included."""
    found, waiting = set(), [get_command(app)]
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        for each in command.params:
            found |= {*each.opts, *each.secondary_opts}
    return found | {"--help"}


def _named(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from ((node.lineno, name) for name in OPTION.findall(node.value))


def test_messages_name_no_option_that_does_not_exist() -> None:
    known, wrong = _options(), []
    for module, file in modules().items():
        fine = known | OF_OTHER_PROGRAMS.get(module, set())
        wrong += [f"{module}:{line}: {name}" for line, name in _named(file.read_text()) if name not in fine]
    assert not wrong


def test_what_is_looked_for_is_found() -> None:
    assert [name for _, name in _named('"Add --log DIR."\nf"give --no-such {x}"')] == ["--log", "--no-such"]
    assert {"--keep-inputs", "--no-pretrained", "--range", "--version"} <= _options()
