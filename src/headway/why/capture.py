"""From an error on its way to a failure that can be saved: frames, the last own one, and its variables."""

from __future__ import annotations

import linecache
import platform
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from headway.errors import HeadwayError
from headway.system.files import read_file
from headway.why.describe import describe_all
from headway.why.failure import Failure, Frame

__all__ = ["capture", "capture_end"]

# Lines before and after the failing one that go into the ready question.
AROUND = 8
MAX_SOURCE = 20_000
# From each end: a recursion has a thousand.
FRAMES = 20
LIBRARIES = ("numpy", "pandas", "polars", "PIL", "sklearn", "timm", "torch", "torchvision")


def capture(error: BaseException) -> Failure:
    """What is known of an error that was raised.

    Example:
        >>> try:
        ...     rows = [1, 2, 3]
        ...     rows[3]
        ... except IndexError as error:
        ...     failure = capture(error)
        >>> failure.type, failure.message
        ('IndexError', 'list index out of range')
    """
    steps = _steps(error.__traceback__)
    frames = [_frame(frame, line) for frame, line in steps]
    if isinstance(error, SyntaxError) and error.filename:
        # A file that cannot be parsed never ran, so no frame is in it; the error knows its line.
        frames.append(Frame(error.filename, error.lineno or 0, "<module>", (error.text or "").strip()))
    # The last own frame: what lies below it is a library's, where nobody can change anything.
    index = max((index for index, frame in enumerate(frames) if frame.own), default=None)
    variables: Mapping[str, Any] = {}
    source = ""
    if index is not None:
        source = _around(frames[index])
        variables = _locals(steps[index][0]) if index < len(steps) else {}
    of_ours = isinstance(error, HeadwayError)
    return Failure(
        type=type(error).__name__,
        message=_text(error),
        frames=tuple(frames[:FRAMES] + frames[FRAMES:][-FRAMES:]),
        variables=describe_all(variables),
        source=source,
        versions=versions(),
        what=error.what if of_ours else "",
        given=error.given if of_ours else "",
        fix=error.fix if of_ours else "",
    )


def capture_end(script: Path, variables: Mapping[str, Any]) -> Failure:
    """What is known of a script that ended without an error: its code and its variables."""
    source = read_file(script).decode("utf-8", errors="replace")[:MAX_SOURCE]
    named = describe_all({name: value for name, value in variables.items() if not name.startswith("__")})
    return Failure("", "", variables=named, source=source, versions=versions(), file=str(script))


def versions() -> dict[str, str]:
    """The versions of Python, the system, and the libraries that are loaded."""
    # `vars` and not `getattr`, which may run a library's own code for names that are missing.
    # None stands for a module that must not be imported.
    modules = {name: module for name in LIBRARIES if (module := sys.modules.get(name)) is not None}
    loaded = {name: vars(module).get("__version__") for name, module in modules.items()}
    system = {"Python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    return system | {name: str(version) for name, version in loaded.items() if version}


def _steps(traceback: TracebackType | None) -> list[tuple[FrameType, int]]:
    steps = []
    while traceback is not None:
        steps.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return steps


def _frame(frame: FrameType, line: int) -> Frame:
    code = frame.f_code
    text = linecache.getline(code.co_filename, line, frame.f_globals).strip()
    return Frame(code.co_filename, line, code.co_name, text, own=_is_own(code.co_filename))


def _is_own(file: str) -> bool:
    """Whether a file is the reader's: not of Python, of an installed library, or of Headway."""
    if file.startswith("<"):
        # Cells of IPython have no file; what libraries generate has a name in brackets, too.
        return file.startswith("<ipython") or file == "<stdin>"
    libraries = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    # With a slash behind each folder: one called headway-course begins like headway, and is the reader's.
    folders = [*libraries, str(Path(__file__).parents[1])]
    return not any(file.startswith((f"{folder}/", f"{folder}\\")) for folder in folders)


def _locals(frame: FrameType) -> dict[str, Any]:
    return {name: value for name, value in frame.f_locals.items() if not name.startswith("__")}


def _around(frame: Frame) -> str:
    lines = linecache.getlines(frame.file)
    first = max(frame.line - AROUND - 1, 0)
    return "".join(lines[first : frame.line + AROUND])[:MAX_SOURCE]


def _text(error: BaseException) -> str:
    # An error's own text is somebody's code, which can fail.
    try:
        return str(error)
    except Exception:
        return ""
