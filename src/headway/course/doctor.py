"""What this machine has of what the course needs: a line for each check, with its remedy where something is missing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from headway.course.practice import measure_speed
from headway.course.state import Log
from headway.errors import ConfigError
from headway.system.machine import num_cores

__all__ = ["Finding", "editor", "examine"]

LIBRARIES = ("headway", "torch", "timm", "polars")
EXTRAS = {"fsrs": "reviews on a fixed plan", "watchfiles": "no `headway course watch`"}
# For decoded pictures, and a run with its checkpoints for each lesson.
NEEDED_BYTES = 2 * 2**30


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, what was found, and the remedy; "" where all is well."""

    name: str
    text: str
    remedy: str = ""


def examine(folder: Path) -> Iterator[Finding]:
    """Looks at versions, the folder, its log, the disk, cores, editors, and measures the machine's speed.

    Args:
        folder: The learner's folder.
    """
    yield Finding("Python", f"{sys.version.split()[0]} in {sys.prefix}")
    for name in LIBRARIES:
        yield _library(name, 'Run: pip install "headway[course]"', "not installed")
    for name, without in EXTRAS.items():
        yield _library(name, 'Run: pip install "headway[course]"', f"not installed: {without}")
    yield _folder(folder)
    broken = Log(folder).num_broken()
    remedy = f"They are passed over. Look at {Log(folder).path}" if broken else ""
    yield Finding("your log", f"{len(Log(folder).read())} events, {broken} broken lines", remedy)
    yield _disk(folder)
    yield Finding("cores", str(num_cores()), "" if num_cores() > 1 else "Lessons take about twice as long as they say.")
    names = [name for name in _PROGRAMS if editor(name)]
    yield Finding("editor", ", ".join(names) or f"none of {', '.join(_PROGRAMS)}", "" if names else _EDITOR)
    yield _speed(folder)


_EDITOR = "Any editor does: the lessons are Python files."
# `jupyter` alone is there wherever one of its parts is, and opens nothing.
_PROGRAMS = {
    "vscode": ("code",),
    "cursor": ("cursor",),
    "pycharm": ("pycharm",),
    "jupyter": ("jupyter-lab", "jupyter-notebook"),
}


def editor(name: str) -> str:
    """The command that starts an editor; "" where it is not installed.

    Example:
        >>> from headway.course.doctor import editor
        >>> editor("vscode") in ("code", "")
        True
    """
    return next((command for command in _PROGRAMS[name] if shutil.which(command)), "")


def _library(name: str, remedy: str, missing: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, missing, remedy)


def _folder(folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK):
        return Finding("your folder", str(folder) if folder.exists() else f"{folder}, made by: headway course open 1")
    return Finding("your folder", f"{folder} cannot be written", "Set HEADWAY_COURSE to another folder.")


def _disk(folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    remedy = "" if free > NEEDED_BYTES else "Free some space: lessons keep decoded pictures and runs."
    return Finding("disk", f"{free / 2**30:.1f} GiB free", remedy)


def _speed(folder: Path) -> Finding:
    try:
        factor = measure_speed(folder)
    except (OSError, ConfigError):
        return Finding("speed", "not measured", "Choose a folder that you can write to.")
    text = f"{factor:g} times the authors' time"
    return Finding("speed", text, "Checks and lessons wait as long." if factor > 3 else "")
