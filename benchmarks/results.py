"""Where benchmarks find their data and leave their results."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from headway.train.run import library_versions

__all__ = ["data_folder", "write_result"]

ROOT = Path(__file__).resolve().parent.parent


def data_folder(name: str) -> Path | None:
    """The folder of a real data set beside the checkout, or None where it is not."""
    folder = ROOT.parent / "shared" / "data" / name
    return folder if folder.is_dir() else None


def write_result(name: str, result: dict[str, Any]) -> Path:
    """Adds a benchmark's result to today's file, with the machine, the versions and the commit it was measured at."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    changed = subprocess.run(
        ["git", "status", "--porcelain", "src"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    machine = f"{platform.system()}-{platform.machine()}-{os.cpu_count()}-cores".lower()
    file = ROOT / "benchmarks" / "results" / f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}-{machine}.json"
    file.parent.mkdir(exist_ok=True)
    found = json.loads(file.read_text()) if file.exists() else {}
    found[name] = {
        "commit": commit.stdout.strip() + ("+" if changed.stdout.strip() else ""),
        "versions": library_versions(),
        "result": result,
    }
    file.write_text(json.dumps(found, indent=1) + "\n")
    return file
