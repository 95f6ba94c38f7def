"""The public surface as text: every public name with its signature, and every command with its options.

`.venv/bin/python -m tests.meta.public_api` writes it to `public_api.txt`, which `test_public_api.py` compares.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import headway
from headway.cli import app
from headway.data.dataset import Part
from headway.judge.intervals import Estimate
from headway.judge.report.report import Report
from headway.train.history import Epoch, History
from headway.train.lr_finder import LrFinder
from headway.train.predictions import Predictions

SNAPSHOT = Path(__file__).with_name("public_api.txt")

RETURNED = (Epoch, Estimate, History, LrFinder, Part, Predictions, Report)
"""Types that nobody imports but everybody gets."""


class _Named:
    """What a signature shows as it is: a default's name instead of its address, an annotation without quotes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


def describe() -> str:
    """The whole public surface, a name a line, members indented."""
    lines = []
    for name in headway.__all__:
        lines += _lines(f"headway.{name}", getattr(headway, name))
    for kind in RETURNED:
        lines += _lines(f"{kind.__module__}.{kind.__name__}", kind)
    return "\n".join([*lines, *_commands()]) + "\n"


def _lines(name: str, thing: Any) -> Iterator[str]:
    if inspect.ismodule(thing) and not callable(thing):
        for member in thing.__all__:
            if callable(getattr(thing, member)):
                yield from _lines(f"{name}.{member}", getattr(thing, member))
        return
    if isinstance(thing, str):
        yield f"{name}: str"
        return
    if not inspect.isclass(thing):
        yield f"{name}{_signature(thing)}"
        return
    if issubclass(thing, Exception):
        yield f"{name}({', '.join(base.__name__ for base in thing.__bases__)})"
        return
    yield f"{name}{_signature(thing)}"
    own = [base for base in thing.__mro__ if base.__module__.startswith("headway")]
    members = {key: value for base in reversed(own) for key, value in vars(base).items() if not key.startswith("_")}
    for key, value in sorted(members.items()):
        member = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        getter = getattr(member, "fget", None) or getattr(member, "func", None)
        if getter is not None:
            yield f"    {key}: {inspect.signature(getter).return_annotation}"
        elif inspect.isfunction(member):
            yield f"    {key}{_signature(member)}"


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [
        each.replace(default=_plain(each.default), annotation=_bare(each.annotation))
        for each in signature.parameters.values()
    ]
    return str(signature.replace(parameters=parameters, return_annotation=_bare(signature.return_annotation)))


def _plain(value: Any) -> Any:
    return _Named(value.__name__) if inspect.isfunction(value) else value


def _bare(annotation: Any) -> Any:
    return _Named(annotation) if isinstance(annotation, str) else annotation


def _commands() -> Iterator[str]:
    from typer.main import get_command

    for name, command in sorted(get_command(app).commands.items()):  # type: ignore[attr-defined]
        yield f"$ headway {name}"
        for option in command.params:
            if option.param_type_name == "argument":
                shown = f"{option.name}{'...' if option.nargs == -1 else ''}"
            else:
                shown = " / ".join([*option.opts, *option.secondary_opts])
            default = option.default
            plain = isinstance(default, str | int | float | Path) and default is not False
            yield f"    {shown}" + (f" = {default}" if plain else "")


if __name__ == "__main__":
    SNAPSHOT.write_text(describe())
    print(f"Wrote {SNAPSHOT}. Look at the difference: is it meant, and is it in CHANGELOG.md?")
