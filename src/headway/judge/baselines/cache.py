"""Baselines' answers kept in a file, so that a report made anew need not run them again. Nothing in it can run code."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from headway.judge.baselines.run import BaselineResult

__all__ = ["load_results", "save_results"]


def save_results(file: Path, key: str, results: Sequence[BaselineResult]) -> None:
    """Writes results to an `.npz` file, whole or not at all; `key` says what they depend on."""
    facts = [{"name": each.name, "seconds": each.seconds, "size": each.size, "needs": each.needs} for each in results]
    arrays = {
        f"{place}/{part}": given for place, each in enumerate(results) for part, given in each.predictions.items()
    }
    draft = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as opened:
            np.savez_compressed(opened, about=np.array(json.dumps({"key": key, "baselines": facts})), **arrays)  # pyright: ignore[reportArgumentType]
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def load_results(file: Path, key: str) -> list[BaselineResult] | None:
    """What was written for the same key; None where there is none, the key is another, or the file is damaged."""
    if not file.exists():
        return None
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as kept:
            about = json.loads(str(kept["about"]))
            if about["key"] != key:
                return None
            return [_result(place, facts, kept) for place, facts in enumerate(about["baselines"])]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def _result(place: int, facts: dict, kept: np.lib.npyio.NpzFile) -> BaselineResult:
    names = [name for name in kept.files if name.startswith(f"{place}/")]
    arrays = {name.partition("/")[2]: kept[name] for name in names}
    return BaselineResult(facts["name"], arrays, facts["seconds"], facts["size"], facts["needs"])
