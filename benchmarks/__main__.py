"""Runs benchmarks by name: `python -m benchmarks [NAME ...]`; all of them when none is named."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from benchmarks.results import write_result


def main() -> None:
    """Runs each named benchmark and writes its result."""
    known = sorted(file.stem for file in Path(__file__).parent.glob("*.py") if file.stem not in _NOT_BENCHMARKS)
    names = sys.argv[1:] or known
    for name in names:
        if name not in known:
            sys.exit(f"There is no benchmark {name!r}. Known: {', '.join(known)}.")
    for name in names:
        module = import_module(f"benchmarks.{name}")
        print(f"== {name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
        write_result(name, module.run())


_NOT_BENCHMARKS = ("__init__", "__main__", "results")

main()
