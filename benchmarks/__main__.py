"""Runs benchmarks by name: `python -m benchmarks [NAME ...]`; all of them when none is named.

Results go to `benchmarks/results/`, and `docs/benchmarks.md` is written anew from the newest of each.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from benchmarks.results import table, write_page, write_result

_NOT_BENCHMARKS = ("__init__", "__main__", "results")


def main() -> None:
    """Runs each named benchmark, shows its rows and keeps them."""
    known = sorted(file.stem for file in Path(__file__).parent.glob("*.py") if file.stem not in _NOT_BENCHMARKS)
    names = sys.argv[1:] or known
    for name in names:
        if name not in known:
            sys.exit(f"There is no benchmark {name!r}. Known: {', '.join(known)}.")
    for name in names:
        module = import_module(f"benchmarks.{name}")
        assert module.__doc__
        print(f"\n{name}: {module.__doc__.splitlines()[0]}", flush=True)
        rows = module.run()
        print("\n".join(table(rows)))
        write_result(name, rows)
    write_page({name: import_module(f"benchmarks.{name}").__doc__ or "" for name in known})


if __name__ == "__main__":
    main()
