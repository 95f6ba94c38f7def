"""The process that a lesson's cells run in, one after the other: what each gave goes out as a JSON line.

`python -m headway.course.lesson_process` reads a cell a line from its input. What cells print goes to the pipe of
errors, so that nothing they print is taken for a result. The value of a cell's last expression is printed, as a
notebook shows it; figures are saved as files.
"""

from __future__ import annotations

import ast
import json
import linecache
import os
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from headway.course import claims
from headway.course.cases import save_failure
from headway.course.check_process import refuse_network

__all__ = ["main"]


def main() -> None:
    """Runs the cells that stand in the standard input, until it ends."""
    results, jobs = os.fdopen(os.dup(1), "w"), os.fdopen(os.dup(0))
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.environ.setdefault("MPLBACKEND", "Agg")
    refuse_network("A lesson")
    # Names of the process itself are none of the lesson's; classes that it defines are found by its own.
    module = type(sys)("__main__")
    sys.modules["__main__"] = module
    for line in jobs:
        answer = _run(json.loads(line), vars(module))
        results.write(json.dumps(answer) + "\n")
        results.flush()


def _run(job: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    names["__file__"] = job["file"]
    start = time.monotonic()
    error, value = None, None
    try:
        value = _execute(job["code"], job["name"], names)
        if value is not None and not _figures_of(value):
            sys.stdout.write(f"{value!r}\n")
    except BaseException as problem:
        # A cell that calls `sys.exit` ends itself, not the lesson.
        error = _told(problem, job["name"])
        save_failure(problem, Path(job["file"]), names)
    seconds = time.monotonic() - start
    figures = [] if error else _save(_figures_of(value), Path(job["figures"]), job["stem"], job["kind"])
    sys.stdout.flush()
    sys.stderr.flush()
    # Past Python's own buffers, and on a line of its own.
    os.write(2, f"\n{job['marker']}".encode())
    made = [asdict(claim) for claim in claims.claimed()]
    return {"seconds": round(seconds, 3), "error": error, "figures": figures, "claims": made}


def _execute(code: str, name: str, names: dict[str, Any]) -> Any:
    """Runs a cell; the value of its last expression."""
    # For tracebacks, which show the lines of files alone.
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    tree = ast.parse(code, name)
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body.pop()
    exec(compile(tree, name, "exec"), names)
    return eval(compile(ast.Expression(last.value), name, "eval"), names) if isinstance(last, ast.Expr) else None


def _told(error: BaseException, name: str) -> str:
    """The traceback, from the lesson's own line on."""
    frames = traceback.extract_tb(error.__traceback__)
    first = next((number for number, frame in enumerate(frames) if frame.filename == name), len(frames))
    shown = traceback.format_list(frames[first:])
    return "".join([*shown, *traceback.format_exception_only(error)]).rstrip()


def _figures_of(value: Any) -> list[Any]:
    """Figures in a cell's value: itself, or a list of them."""
    values = value if isinstance(value, list | tuple) else [value]
    return list(values) if values and all(map(_is_figure, values)) else []


def _is_figure(value: Any) -> bool:
    # By name: matplotlib is imported by the lesson, or not at all.
    return any(kind.__module__ == "matplotlib.figure" and kind.__name__ == "Figure" for kind in type(value).__mro__)


def _save(figures: list[Any], folder: Path, stem: str, kind: str) -> list[str]:
    """Saves a cell's figures, and those that pyplot still holds."""
    # The course's pages bring their own background, and the same figure must be the same file.
    options = {"transparent": True, "metadata": {"Date": None}} if kind == "svg" else {}
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        opened = [pyplot.figure(number) for number in pyplot.get_fignums()]
        figures = [*figures, *(figure for figure in opened if figure not in figures)]
    files = []
    if figures:
        sys.modules["matplotlib"].rcParams["svg.hashsalt"] = stem
    for number, figure in enumerate(figures, start=1):
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / (f"{stem}.{kind}" if len(figures) == 1 else f"{stem}-{number}.{kind}")
        # Two pixels for each of a browser's, of which an inch has 96: sharp on the course's pages.
        figure.savefig(file, dpi=192, bbox_inches="tight", **options)
        files.append(str(file))
    if pyplot is not None:
        pyplot.close("all")
    return files


if __name__ == "__main__":
    main()
