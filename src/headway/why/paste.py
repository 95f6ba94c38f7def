"""From a pasted traceback to a failure: Python's own form, IPython's, or the last line alone."""

from __future__ import annotations

import re

from headway.errors import ConfigError
from headway.why.capture import versions
from headway.why.failure import Failure, Frame

__all__ = ["parse_traceback"]

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LAST = re.compile(
    r"^(?:[\w]+\.)*(?P<type>[A-Z]\w*(?:Error|Exception|Warning|Interrupt|Exit|Iteration|Stopped)): ?(?P<text>.*)"
)
_BARE = re.compile(r"^(?:[\w]+\.)*(?P<type>[A-Z]\w*(?:Error|Exception|Iteration))$")
_WARNING = re.compile(r"^\S+:\d+: (?P<text>\w*Warning: .*)")
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?')
_CELL = re.compile(r"^(?:Cell In\[\d+\], line |File (?P<file>\S+):)(?P<line>\d+)(?:, in (?P<function>\w+))?")
_LIBRARIES = re.compile(r"site-packages|dist-packages|[/\\]lib[/\\]python\d|^<frozen")


def parse_traceback(text: str) -> Failure:
    r"""A failure from a text that holds a traceback, or its last line. No variables are known of it.

    Raises:
        ConfigError: If no line names an error.

    Example:
        >>> parse_traceback("Traceback (most recent call last):\n  ...\nKeyError: 'age'").type
        'KeyError'
    """
    lines = _COLOUR.sub("", text).replace("\r", "").splitlines()
    warnings = tuple(match["text"] for line in lines if (match := _WARNING.match(line)))
    ends = [index for index, line in enumerate(lines) if _LAST.match(line) or _BARE.match(line)]
    if not ends and not warnings:
        fix = "Paste the traceback to its last line, which names the error."
        raise ConfigError("The text names no error.", given=f"{len(lines)} lines", fix=fix)
    if not ends:
        kind, _, message = warnings[-1].partition(": ")
        return Failure(kind, message, warnings=warnings, versions=versions())
    end = ends[-1]
    match = _LAST.match(lines[end]) or _BARE.match(lines[end])
    assert match is not None
    # A message may have several lines; a prompt or an empty line after it does not belong to it.
    message = "\n".join([match.groupdict().get("text") or "", *lines[end + 1 :]]).strip()
    return Failure(match["type"], message, frames=_frames(lines[:end]), warnings=warnings, versions=versions())


def _frames(lines: list[str]) -> tuple[Frame, ...]:
    frames = []
    for index, line in enumerate(lines):
        match = _FRAME.match(line) or _CELL.match(line)
        if match is None:
            continue
        file = match.groupdict().get("file") or "notebook"
        after = lines[index + 1 :]
        arrow = next((text for text in after if re.match(r"\s*-+> ?\d+", text)), None)
        plain = after[0].strip() if after else ""
        code = re.sub(r"^\s*-+> ?\d+ ?", "", arrow) if arrow and _CELL.match(line) else plain
        own = not _LIBRARIES.search(file)
        frames.append(Frame(file, int(match["line"]), match["function"] or "<module>", code.strip(), own=own))
    return tuple(frames)
