"""Runs benchmarks by name: `python -m benchmarks [NAME ...]`; all of them when none is named.

Results go to `benchmarks/results/`, and `docs/benchmarks.md` is written anew from the newest of each.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from benchmarks.peers import peer_versions
from benchmarks.results import table, write_page, write_result


def benchmark_names() -> list[str]:
    """The benchmarks that there are, sorted: the modules here with a function `run`."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.py") if "\ndef run(" in file.read_text())


def main() -> None:
    """Runs each named benchmark, shows its rows and keeps them."""
    known = benchmark_names()
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
        write_result(name, rows, peers=peer_versions(module.__doc__))
    write_page({name: import_module(f"benchmarks.{name}").__doc__ or "" for name in known})


if __name__ == "__main__":
    main()
