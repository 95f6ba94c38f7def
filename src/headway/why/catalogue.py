"""The catalogue of failures: what each looks like, why it happens, and the line to change.

A family of failures is a file of the folder beside this one. Every entry has a reproduction, which a test runs: the
failure must be matched by its own entry first.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files as package_files
from typing import Any

__all__ = ["Cause", "Entry", "When", "entries"]


@dataclass(frozen=True, kw_only=True)
class When:
    """What a failure must show for an entry to fit. What is empty is not compared.

    Attributes:
        type: The error's class, without its module; several separated by bars.
        message: A regular expression that its text, or a warning's, contains.
        frame: A regular expression that a frame's file or function contains.
        values: A test of `CHECKS`, such as "column".
        finding: The kind of a finding in a run's report, for failures that raise no error.
    """

    type: str = ""
    message: str = ""
    frame: str = ""
    values: str = ""
    finding: str = ""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A possible cause. Where its test holds, `says` may name what the test found; without a test it is general."""

    says: str
    test: str = ""
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A kind of failure.

    Attributes:
        id: Its family and name, such as "shapes.linear"; it never changes.
        title: The failure in a few words.
        when: What it looks like.
        says: What happened. Groups of the message's regular expression may be named in braces.
        because: Its causes, the commonest first.
        look: Lines that show more.
        fix: The line to change.
        lesson: The course's lesson on the subject; "" where there is none.
        repro: A script that fails in this way.
        expects: A regular expression that the script's error, warning or output contains.
        since: Headway's version that had it first.
        tags: Further words to search for.
    """

    id: str
    title: str
    when: When
    says: str
    because: tuple[Cause, ...]
    look: tuple[str, ...] = ()
    fix: str
    lesson: str = ""
    repro: str
    expects: str
    since: str
    tags: tuple[str, ...] = field(default=())

    @property
    def is_silent(self) -> bool:
        """Whether nothing is raised: a script ends as if all were well."""
        return not self.when.type


@cache
def entries() -> tuple[Entry, ...]:
    """All entries, family by family.

    Example:
        >>> "shapes.linear" in {entry.id for entry in entries()}
        True
    """
    # Through importlib and not by a path: the package may lie in an archive.
    folder = package_files("headway.why").joinpath("entries")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".toml"))
    families = {name: tomllib.loads(folder.joinpath(name).read_text("utf-8")) for name in names}
    return tuple(
        _entry(f"{name.removesuffix('.toml')}.{short}", **facts)
        for name, family in families.items()
        for short, facts in family.items()
    )


def _entry(id: str, *, when: dict[str, str], because: list[dict[str, str]], **facts: Any) -> Entry:
    texts: dict[str, Any] = {
        name: tuple(text) if isinstance(text, list) else text.strip() for name, text in facts.items()
    }
    causes = tuple(Cause(**cause) for cause in because)
    return Entry(id=id, when=When(**when), because=causes, **texts)
