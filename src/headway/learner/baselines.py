"""Simple models beside a trained one: run on the same rows, their answers kept in the run's folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from headway.data.dataset import Part
from headway.errors import ConfigError
from headway.inputs.image.field import Image
from headway.judge.baselines.base import drawn_rows
from headway.judge.baselines.cache import load_results, save_results
from headway.judge.baselines.run import BaselineFunction, BaselineResult, Rows, run_baselines
from headway.learner.subject import Trained
from headway.system.versions import library_versions

__all__ = ["baselines", "one_baseline", "own_baselines"]


def baselines(trained: Trained) -> list[BaselineResult]:
    """Simple models, trained on the same rows and applied to the same parts; kept in the run's folder."""
    file = None if trained.folder is None else trained.folder / "baselines.npz"
    key = _key(trained)
    found = load_results(file, key) if file else None
    if found is None:
        found = _run(trained)
        # As they come back from the file, so that the first report is the same as the next.
        found = [each.in_float32() for each in found]
        if file:
            save_results(file, key, found)
    return found


def own_baselines(trained: Trained, extra: Mapping[str, BaselineFunction]) -> list[BaselineResult]:
    """A user's own baselines, by name, on the same rows; run each time, since a function is not known by its name.

    Raises:
        ConfigError: If a name is that of another baseline.
        ShapeError: If one of them gives answers of the wrong shape.
    """
    return _run(trained, names=[], extra=extra) if extra else []


def _run(trained: Trained, **chosen: Any) -> list[BaselineResult]:
    train, parts = _rows(trained)
    target, seed = trained.data.target, trained.setup.seed
    return run_baselines(train, parts, num_outputs=target.num_outputs, task=target.task, seed=seed, **chosen)


def one_baseline(trained: Trained, name: str) -> BaselineResult:
    """One baseline by its name, on the same rows.

    Raises:
        ConfigError: If there is none of that name for this task and these items.
    """
    found = _run(trained, names=[name])
    if not found:
        what, fix = "This baseline is not for items of this kind.", "Look at `learner.baselines()` for those that are."
        raise ConfigError(what, given=f"{name!r}, {trained.data.input}", fix=fix)
    return found[0]


def _rows(trained: Trained) -> tuple[Rows, dict[str, Rows]]:
    """What baselines see of train, and of the parts to answer for."""
    rows = {name: _rows_of(trained, trained.data.part(name)) for name in trained.data.parts}
    return rows["train"], {name: rows[name] for name in trained.judged}


def _rows_of(trained: Trained, part: Part) -> Rows:
    data, given, kept = trained.data, {}, trained.kept
    if isinstance(data.input, Image):
        if part.name == "train":
            # No simple model of photos learns from more: those of a large data set would fill the memory.
            part = Part(data, part.name, part.items[drawn_rows(len(part), seed=trained.setup.seed)])
        # The pixels first: what can no longer be read is then left out of the targets, too.
        given["pixels"] = part.pixels(min(data.input.size, 28 if data.input.size < 64 else 16))
    if data.input.is_table:
        given |= data.input.baseline_rows(part.items)
    part = part.left()
    if kept and part.name in kept.parts:
        given["features"] = kept.parts[part.name][np.isin(kept.rows[part.name], part.rows)]
    return Rows(targets=data.target.view(part.targets, data.input), **given)


def _key(trained: Trained) -> str:
    """What the baselines' answers depend on: the same key, the same answers."""
    digest = hashlib.sha256()
    if trained.kept:
        for name in sorted(trained.kept.parts):
            digest.update(np.ascontiguousarray(trained.kept.parts[name]).tobytes())
    decides = {
        "data": trained.data.fingerprint,
        "input": trained.data.input.to_json(),
        "target": trained.data.target.to_json(),
        "seed": trained.setup.seed,
        "features": digest.hexdigest(),
        "versions": {name: library_versions()[name] for name in ("headway", "numpy", "scikit-learn")},
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
