"""The run folder: everything needed to repeat a run, and everything that came of it.

`config.json`, `items.parquet`, `problems.csv` (where items were left out), `history.jsonl` (a line an epoch, only
ever added to), `report.html`, `report.json`, `model.headway`.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from headway.data.dataset import Data
from headway.errors import ConfigError, explain
from headway.train.history import Epoch
from headway.versions import library_versions

__all__ = ["Run", "check_name", "list_runs", "new_run"]


@dataclass(frozen=True)
class Run:
    """A folder of one run."""

    path: Path

    @property
    def bundle(self) -> Path:
        """Where the exported model lies."""
        return self.path / "model.headway"

    def start(self, data: Data, settings: Mapping[str, Any]) -> None:
        """Writes what is known before training: settings, items, problems."""
        config = {
            "settings": dict(settings),
            "command": sys.argv,
            "versions": library_versions(),
            "platform": platform.platform(),
            "data": {"fingerprint": data.fingerprint, "items": len(data.items), "split": data.split.describe()},
            "input": data.input.to_json(),
            "target": data.target.to_json(),
        }
        write_text(self.path / "config.json", json.dumps(config, indent=2, default=str) + "\n")
        saved = data.items.select(pl.exclude(pl.Object))
        saved.write_parquet(self.path / "items.parquet")
        if len(data.problems):
            data.problems.write_csv(self.path / "problems.csv")

    def note_call(self, name: str, settings: Mapping[str, Any]) -> None:
        """Adds a call that trains to the settings, so that the config says what was done and in which order."""
        config = self.config
        config.setdefault("training", []).append({"call": name, **settings})
        write_text(self.path / "config.json", json.dumps(config, indent=2, default=str) + "\n")

    def record(self, entry: Epoch) -> None:
        """Adds a line to the history."""
        with (self.path / "history.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry.to_json()) + "\n")

    @property
    def config(self) -> dict[str, Any]:
        """What `start` wrote."""
        return json.loads((self.path / "config.json").read_text(encoding="utf-8"))

    @property
    def report(self) -> dict[str, Any] | None:
        """The run's report as JSON values; None where it did not come to one."""
        file = self.path / "report.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def new_run(runs: str | os.PathLike[str], name: str) -> Run:
    """A new folder below `runs`: `name`, or `name-2`, `name-3` ... where that is taken.

    Raises:
        ConfigError: If the name is not one for a folder, or the folder cannot be made.
    """
    check_name(name)
    root = Path(runs).expanduser()
    number = 1
    while True:
        path = root / (name if number == 1 else f"{name}-{number}")
        try:
            root.mkdir(parents=True, exist_ok=True)
            path.mkdir()
        except FileExistsError:
            if not root.is_dir():
                raise ConfigError(explain("The runs' folder is a file.", given=root, fix="Name another.")) from None
            number += 1
            continue
        except OSError as error:
            given = f"{path} ({error.strerror})"
            fix = "Name another folder with --runs."
            raise ConfigError(explain("The run's folder cannot be made.", given=given, fix=fix)) from error
        return Run(path)


def check_name(name: str) -> None:
    """Raises a ConfigError if a run's name cannot be the name of a folder on every kind of machine."""
    if not name or name in (".", "..") or any(sign in name for sign in '/\\:*?"<>|\0'):
        fix = "Use letters, digits, - and _."
        raise ConfigError(explain("A run's name must be the name of a folder.", given=repr(name), fix=fix))


def list_runs(runs: str | os.PathLike[str]) -> list[Run]:
    """The runs below a folder, by name; other programs' folders are passed over. Empty where there is none."""
    root = Path(runs).expanduser()
    return [Run(each.parent) for each in sorted(root.glob("*/config.json")) if _is_run(each)]


def _is_run(config: Path) -> bool:
    try:
        found = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and {"settings", "data", "versions"} <= found.keys()


def write_text(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
