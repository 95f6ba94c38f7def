"""The pieces of code between backticks in the documents, in tables and in prose, and whether each one is true.

Blocks are run (see `conftest.py`). A piece is too short to run as it stands, so it is checked by what it looks like: a
call is evaluated where its arguments are values and bound to the function's signature where they are placeholders, a
command is given to the command line's own parser, a path must lead to a file.
"""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
from typer.main import get_command

import headway as hw
from headway.bundle.predictor import Predictor
from headway.cli import app
from headway.judge.report.report import Report
from headway.train.history import History
from headway.train.options import Options
from headway.train.predictions import Predictions
from tests.meta.modules import PACKAGE, ROOT, pages

RECEIVERS: dict[str, type] = {
    "data": hw.Data,
    "found": Predictions,
    "history": History,
    "learner": hw.Learner,
    "predictor": Predictor,
    "report": Report,
}
"""What a variable is in every document."""

PATH = re.compile(r"[\w.-]+/([\w.-]+/)*([\w.-]+\.(py|md|toml|js|txt))?")
EXAMPLES = re.compile(r"dist/|runs?/|photos/|masks/|pets/|site/|train/|valid/|test/|/|\.venv/|shared/")
"""Files that a document speaks of and a reader has, not this repository."""


ELSEWHERE = {
    "CHANGELOG.md": "speaks of what was",
    "benchmarks.md": "speaks of the peers' interfaces, too",
}
"""Documents whose pieces are not all Headway's of today."""


class BrokenCodeError(Exception):
    """A piece of code that does not do what it seems to."""


def pieces() -> Iterator[tuple[Path, int, str, str]]:
    """Every piece between backticks outside of blocks: page, line, the whole line, and the piece."""
    for page in pages():
        if page.name in ELSEWHERE:
            continue
        fenced = False
        for number, line in enumerate(page.read_text().splitlines(), start=1):
            fenced ^= line.startswith("```")
            if not fenced:
                yield from ((page, number, line, piece) for piece in re.findall(r"`([^`]+)`", line))


def check(piece: str, *, line: str = "") -> bool:
    """Whether a piece is code that can be checked. `line` is where it stands: the command of its row owns lone options.

    Raises:
        BrokenCodeError: If it can be checked, and is not true.
    """
    kinds: list[tuple[bool, Callable[[], None]]] = [
        (bool(re.match(r"(\.venv/bin/)?headway( |$)", piece)), lambda: check_command(piece)),
        (piece.startswith("--"), lambda: _check_option(piece, line)),
        (piece.startswith("make "), lambda: check_target(piece.split()[1])),
        (_call(piece) is not None, lambda: _check_call(piece)),
        (bool(re.fullmatch(r"[a-z_]+=.*", piece)), lambda: _check_keyword(piece)),
        (bool(re.fullmatch(r"(\w+)(\.\w+)+", piece)) and _is_ours(piece), lambda: _follow(piece)),
        (bool(PATH.fullmatch(piece)) and not EXAMPLES.match(piece), lambda: _check_path(piece)),
    ]
    for fits, run in kinds:
        if fits:
            run()
            return True
    return False


# Commands.


@cache
def _program() -> Any:
    return get_command(app)


def check_command(text: str) -> None:
    """A whole command: it must exist, have these options, and take these values."""
    words = [word.strip("[]") for word in shlex.split(text.split(" | ")[0], comments=True)][1:]
    command = _program()
    context = click.Context(command)
    # The one option that ends the program where it is read.
    if words == ["--version"]:
        return
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        if words[0] not in command.commands:
            raise BrokenCodeError(f"there is no command {words[0]!r}")
        command = command.commands[words.pop(0)]
        context = click.Context(command, info_name=command.name, parent=context)
    try:
        values, _, _ = command.make_parser(context).parse_args(words)
        options = [each for each in command.params if each.param_type_name == "option" and values.get(each.name)]
        for option in options:
            # Names in capitals are placeholders, as in `--output FILE`.
            if not str(values[option.name]).isupper():
                option.process_value(context, values[option.name])
    except Exception as error:  # Typer brings a copy of click's errors.
        raise BrokenCodeError(f"{text}: {error}") from error


def _check_option(text: str, line: str) -> None:
    """An option alone belongs to the command that its row is about, or to any."""
    commands = _command_names(_program())
    owner = re.match(r"\| `headway ([a-z-]+)", line)
    errors = []
    for name in [owner[1]] if owner else commands:
        try:
            return check_command(f"headway {name} {text}")
        except BrokenCodeError as error:
            if "requires an argument" in str(error):  # Shown without its value.
                return None
            errors.append(error)
    raise next((error for error in errors if "No such option" not in str(error)), errors[0])


def _command_names(group: Any, above: str = "") -> list[str]:
    """All commands below a group, such as "train" and "course run"."""
    names = []
    for name, command in group.commands.items():
        names += _command_names(command, f"{above}{name} ") if hasattr(command, "commands") else [f"{above}{name}"]
    return names


def check_target(name: str) -> None:
    """A target of the Makefile."""
    if not re.search(rf"^{name}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE):
        raise BrokenCodeError(f"the Makefile has no target {name!r}")


# Python.


def _is_ours(name: str) -> bool:
    """Whether Headway is meant: `hw.X`, what variables are in every document, a public name, a method of Learner."""
    head, _, rest = name.partition(".")
    if re.fullmatch(r"html|json|jsonl|csv|npz|toml|md|py", rest):
        return False
    return head in ("hw", *RECEIVERS, *hw.__all__) or (not rest and hasattr(hw.Learner, head))


def _call(piece: str) -> ast.Call | None:
    """A call of something of ours. `Learner(seed=)` names an argument and leaves its value open."""
    try:
        tree = ast.parse(re.sub(r"=(?=[,)])", "=...", piece), mode="eval").body
    except SyntaxError:
        return None
    is_plain = isinstance(tree, ast.Call) and re.fullmatch(r"[\w.]+", ast.unparse(tree.func))
    return tree if isinstance(tree, ast.Call) and is_plain and _is_ours(ast.unparse(tree.func)) else None


def _check_call(piece: str) -> None:
    call = _call(piece)
    assert call
    function = _follow(ast.unparse(call.func))
    signature = _signature(function)
    count = len(call.args) + ("self" in signature.parameters)
    try:
        signature.bind_partial(*[...] * count, **{each.arg: ... for each in call.keywords if each.arg})
        if inspect.isclass(function) and _is_whole(call, signature):
            eval(compile(ast.Expression(call), "a document", "eval"), _names())
    except (TypeError, hw.HeadwayError) as error:
        raise BrokenCodeError(f"{piece}: {error}") from error


def _signature(function: Any) -> inspect.Signature:
    """A function's arguments; instead of `**options` those of `Options`, which takes them."""
    signature = inspect.signature(function)
    if "options" not in signature.parameters:
        return signature
    given = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [each for each in inspect.signature(Options).parameters.values() if each.name not in signature.parameters]
    return signature.replace(parameters=given + options)


def _is_whole(call: ast.Call, signature: inspect.Signature) -> bool:
    """Whether nothing is left open: no placeholder, and no argument that must be given."""
    try:
        signature.bind(*[...] * len(call.args), **{each.arg: ... for each in call.keywords if each.arg})
        values = [ast.literal_eval(each) for each in (*call.args, *(each.value for each in call.keywords))]
    except (TypeError, ValueError):
        return False
    return "Ellipsis" not in repr(values)


def _names() -> dict[str, Any]:
    return {"hw": hw, **{name: getattr(hw, name) for name in hw.__all__}}


def _follow(name: str) -> Any:
    """What a name stands for, attribute by attribute, as far as types tell."""
    head, *rest = name.split(".")
    found = {**dict(inspect.getmembers(hw.Learner)), **_names(), **RECEIVERS}[head]
    for step in rest:
        if not hasattr(found, step) and step not in _attributes(found):
            raise BrokenCodeError(f"{name}: {getattr(found, '__name__', found)} has no {step!r}")
        found = getattr(found, step, None)
        if found is None or isinstance(found, property):
            return None
    return found


def _attributes(kind: Any) -> set[str]:
    """What objects of a class have and the class itself has not."""
    if not inspect.isclass(kind):
        return set()
    return {*getattr(kind, "__dataclass_fields__", {}), *re.findall(r"self\.(\w+)", inspect.getsource(kind))}


def _check_keyword(piece: str) -> None:
    """An argument named alone, as `mixup=` or `epochs=3`: some public function takes it."""
    name, _, value = piece.partition("=")
    public = [getattr(hw, each) for each in hw.__all__] + [
        method for _, method in inspect.getmembers(hw.Learner, inspect.isfunction)
    ]
    if not any(callable(each) and name in _signature(each).parameters for each in public):
        raise BrokenCodeError(f"no public function has an argument {name!r}")
    check(value)


# Files.


def _check_path(piece: str) -> None:
    if not any((root / piece).exists() for root in (ROOT, PACKAGE, ROOT / "src")):
        raise BrokenCodeError(f"there is no {piece}")
