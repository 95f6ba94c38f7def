"""A question that can be posted as it is: the error, the code, the shapes, the versions. No data, no home folder."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from headway.why.failure import Failure, Frame

__all__ = ["question"]


def question(failure: Failure) -> str:
    """The question, as Markdown. Paths in the home folder begin with `~`.

    Example:
        >>> print(question(Failure("KeyError", "'age'")).splitlines()[0])
        # KeyError: 'age'
    """
    first = failure.message.splitlines()[0] if failure.message else "a script ends without an error, and is wrong"
    name = f"{failure.type}: {first}" if failure.type else first
    parts = [f"# {name}", "What I wanted to do, and what I tried:\n\n(write it here)"]
    if failure.source:
        parts.append(f"The code around the line that failed:\n\n```python\n{failure.source.rstrip()}\n```")
    if failure.type:
        parts.append(f"The error:\n\n```text\n{_traceback(failure)}\n```")
    if failure.variables:
        shown = [f"{one.name}: {one}" for one in failure.used.values() if one.facts]
        parts.append("The variables:\n\n```text\n" + "\n".join(shown[:30]) + "\n```")
    versions = {**failure.versions, "headway": version("headway")}
    parts.append("Versions: " + ", ".join(f"{name} {number}" for name, number in versions.items()))
    home = str(Path.home())
    return "\n\n".join(parts).replace(home, "~") if len(home) > 1 else "\n\n".join(parts)


def _traceback(failure: Failure) -> str:
    lines = ["Traceback (most recent call last):"] if failure.frames else []
    for frame in failure.frames:
        lines += _lines(frame)
    return "\n".join([*lines, f"{failure.type}: {failure.message}"])


def _lines(frame: Frame) -> list[str]:
    head = f'  File "{frame.file}", line {frame.line}, in {frame.function}'
    return [head, f"    {frame.code}"] if frame.code else [head]
