"""Where benchmarks find their data and leave their results, and the page that is made of these."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headway.system.versions import library_versions

__all__ = ["Row", "data_folder", "empty_cache", "pet_breeds", "table", "tables", "write_page", "write_result"]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"

Row = dict[str, Any]
"""A line of a benchmark's table: column to text or number."""


def data_folder(name: str) -> Path | None:
    """The folder of a real data set beside the checkout, or None where it is not."""
    folder = ROOT.parent / "shared" / "data" / name
    return folder if folder.is_dir() else None


def pet_breeds(scratch: Path) -> Path | None:
    """The photos of pets as a folder a breed, made of links; their names start with it. None where they are not."""
    pets = data_folder("oxford_pets")
    if pets is None:
        return None
    for photo in sorted((pets / "images").glob("*.jpg")):
        breed = scratch / "pet_breeds" / re.sub(r"_\d+$", "", photo.stem)
        breed.mkdir(parents=True, exist_ok=True)
        (breed / photo.name).symlink_to(photo)
    return scratch / "pet_breeds"


@contextmanager
def empty_cache() -> Iterator[None]:
    """A context with a cache folder of its own, empty at first and gone afterwards: all is read for the first time."""
    kept = {name: value for name, value in os.environ.items() if name == "HEADWAY_CACHE"}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HEADWAY_CACHE"] = folder
        try:
            yield
        finally:
            del os.environ["HEADWAY_CACHE"]
            os.environ.update(kept)


def write_result(name: str, rows: Sequence[Row], *, peers: Mapping[str, str]) -> Path:
    """Puts a benchmark's rows into today's file, with the versions and the commit that they were measured at.

    Args:
        name: The benchmark.
        rows: What it measured.
        peers: The versions of the libraries that took part besides Headway's own.
    """
    machine = f"{platform.system()}-{platform.machine()}-{os.cpu_count()}-cores".lower()
    file = RESULTS / f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}-{machine}.json"
    file.parent.mkdir(exist_ok=True)
    found = json.loads(file.read_text()) if file.exists() else {}
    changed = "+" if _git("status", "--porcelain", "src") else ""
    commit = _git("rev-parse", "--short", "HEAD") + changed
    versions = library_versions()
    found[name] = {"commit": commit, "versions": versions, "peers": dict(peers), "rows": list(rows)}
    file.write_text(json.dumps(found, indent=1) + "\n")
    return file


def table(rows: Sequence[Row]) -> list[str]:
    """Rows as the lines of a Markdown table."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return lines + ["| " + " | ".join(_shown(row.get(column, "")) for column in columns) + " |" for row in rows]


def tables(rows: Sequence[Row]) -> list[str]:
    """The same, a new table where a row has no more than its first two columns in common with the row before."""
    lines: list[str] = []
    start = 0
    for index in range(1, len(rows) + 1):
        if index == len(rows) or not set(list(rows[index])[2:]) & set(rows[index - 1]):
            lines += [*([""] if lines else []), *table(rows[start:index])]
            start = index
    return lines


def write_page(questions: Mapping[str, str]) -> None:
    """Writes `docs/benchmarks.md` from the newest result of each benchmark.

    Args:
        questions: For each benchmark its module's docstring.
    """
    newest: dict[str, tuple[str, dict[str, Any]]] = {}
    for file in sorted(RESULTS.glob("*.json")):
        newest |= {name: (file.stem, found) for name, found in json.loads(file.read_text()).items()}
    lines = ["# Benchmarks", "", _INTRODUCTION, ""]
    for name, question in questions.items():
        if name in newest:
            when, found = newest[name]
            title, _, rest = question.strip().partition("\n")
            lines += [f"## {title}", "", rest.strip(), "", f"`make bench NAME={name}`", "", *tables(found["rows"]), ""]
            named = {each: found["versions"][each] for each in ("python", "torch", "timm")} | found.get("peers", {})
            versions = ", ".join(f"{each} {version}" for each, version in named.items())
            lines += [textwrap.fill(f"Measured {when}, {versions}, commit {found['commit']}.", 120), ""]
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join(lines).rstrip() + "\n")


_INTRODUCTION = """\
This page is made by `make bench` from the files in `benchmarks/results/`. Trust ratios more than seconds: the machines
differ, and other programs run on them. The photos lie beside the checkout, in `../shared/data/`; where they are
missing, a benchmark leaves them out and says so."""


def _git(*command: str) -> str:
    return subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _shown(value: object) -> str:
    """A cell's text: three digits of a small number, the whole of a large one, its thousands apart."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    is_whole = isinstance(value, int) or abs(value) >= 999.5
    return f"{value:,.0f}" if is_whole else f"{value:.3g}"
