"""How much better than the head alone is a model that takes longer, on folds of training photos, and what does it cost?

All photos come from training folders; the others of a set are never read. Three stratified folds: a model learns from
two and is judged by the third, so that each photo is judged once. "head" is `fine_tune(epochs=0)`, "default" is
`fine_tune()`: mirror images where heads do better so, then every layer, unless the head is good enough. "3 epochs" are
those of every layer. "10 times" is `fine_tune(minutes=)` with ten times the seconds that the head alone took: then
photos may be read larger. "times the head" is processor time beside that of the head alone. Differences are to
the head of the same fold, with the 95 % interval of a bootstrap over photos. The environment variable HEADWAY_PHOTOS
may name another folder with a folder a class.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import Row, data_folder, empty_cache, pet_breeds
from headway.data.build import from_folder
from headway.learner.learner import Learner

FOLDS, SEED = 3, 0
# In this order: the last one's minutes are those of the head of the same fold.
PLANS: dict[str, dict[str, Any]] = {"head": {"epochs": 0}, "default": {}, "3 epochs": {"epochs": 3}, "10 times": {}}
TIMES = 10


def run() -> list[Row]:
    """Each set, by plan."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        clothing, own = data_folder("clothing"), os.environ.get("HEADWAY_PHOTOS")
        folders = {"clothing": clothing and clothing / "train", "pet_breeds": pet_breeds(Path(scratch))}
        if own:
            folders |= {Path(own).name: Path(own)}
        for name, folder in folders.items():
            if folder is None:
                print(f"{name}: not there, left out")
                continue
            rows += study(name, folder, Path(scratch) / f"folds-{name}")
    return rows


def study(name: str, folder: Path, scratch: Path) -> list[Row]:
    """One set: a row a plan."""
    judged: dict[str, list[tuple[np.ndarray, np.ndarray, float]]] = {plan: [] for plan in PLANS}
    for fold in range(FOLDS):
        photos = _fold(folder, scratch / str(fold), fold=fold)
        elapsed = 0.0
        for plan, choices in PLANS.items():
            start = time.perf_counter()
            minutes = TIMES * elapsed / 60 if plan == "10 times" else None
            judged[plan].append(_judged(photos, minutes=minutes, **choices))
            elapsed = time.perf_counter() - start if plan == "head" else elapsed
            is_right, losses, seconds = judged[plan][-1]
            print(name, fold, plan, f"{is_right.mean():.4f} {losses.mean():.3f} {seconds:.1f}", flush=True)
    head = np.concatenate([is_right for is_right, _, _ in judged["head"]]).astype(float)
    return [_row(name, plan, judged, head) for plan in PLANS]


def _judged(
    photos: Path, *, epochs: int | None = None, minutes: float | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """What is right in the fold's own part, the losses, and seconds of the processor."""
    # Features that an earlier plan computed would be read.
    with empty_cache():
        data = from_folder(photos)
        learner = Learner(data, "efficientnet_lite0", seed=SEED, progress=False)
        start = time.process_time()
        learner.fine_tune(epochs, minutes=minutes)
        seconds = time.process_time() - start
        # Of the learner's own data: they may be larger than they were.
        predicted = learner.setup.predict(learner.data.valid)
    assert predicted.losses is not None
    return predicted.predictions.argmax(axis=1) == predicted.targets, predicted.losses, seconds


def _row(
    name: str, plan: str, judged: Mapping[str, list[tuple[np.ndarray, np.ndarray, float]]], head: np.ndarray
) -> Row:
    is_right, losses = (np.concatenate([fold[index] for fold in judged[plan]]).astype(float) for index in (0, 1))
    gain, seconds = is_right - head, {one: sum(fold[2] for fold in judged[one]) for one in ("head", plan)}
    draws = np.random.default_rng(0).integers(0, len(gain), (2000, len(gain)))
    low, high = np.quantile(gain[draws].mean(axis=1), (0.025, 0.975))
    return {
        "photos": f"{name}, {len(gain)}",
        "plan": plan,
        "accuracy": f"{is_right.mean():.4f}",
        "points more than the head": f"{100 * gain.mean():+.1f}, {100 * low:+.1f} to {100 * high:+.1f}",
        "log loss": f"{losses.mean():.3f}",
        "times the head": seconds[plan] / seconds["head"],
    }


def _fold(folder: Path, scratch: Path, *, fold: int) -> Path:
    """A folder of links, with the parts train and valid: within a class every third photo is in the fold."""
    for label in sorted(path for path in folder.iterdir() if path.is_dir()):
        photos = sorted(path for path in label.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
        for number, position in enumerate(np.random.default_rng(SEED).permutation(len(photos))):
            part = scratch / ("valid" if number % FOLDS == fold else "train") / label.name
            part.mkdir(parents=True, exist_ok=True)
            (part / photos[position].name).symlink_to(photos[position].resolve())
    return scratch
