"""Are spoken digits recognised in a voice that no training recording has, beside simple models on MFCC?

1,000 recordings of digits by four voices (Free Spoken Digit Dataset, 8 kHz), each voice left out in turn: the model
learns from the other three with its defaults, and is judged on the one left out, which decides nothing. Simple models
learn from the same rows. The difference to the best of them is paired over all recordings. Seconds are those of
training alone, for one voice left out. Goals: a mean of at least 0.90 within three minutes, above the best on MFCC by a
positive interval; 0.97 with Whisper's encoder. The network from scratch stands in where Whisper's weights are missing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

import headway as hw
from benchmarks.results import Row, data_folder
from headway.inputs.sound.models import SMALL
from headway.judge.significance import compare_right

VOICES = tuple(f"speaker_{number}" for number in range(1, 5))


def run() -> list[Row]:
    """The default, the network from scratch, then the simple models."""
    folder = data_folder("spoken_digits")
    if folder is None:
        print("spoken_digits: not there, left out")
        return []
    rivals = [right_of_baselines(folder, voice) for voice in VOICES]
    names = [name for name in rivals[0] if "MFCC" in name]
    best = max(names, key=lambda name: np.mean([each[name].mean() for each in rivals]))
    theirs = np.concatenate([each[best] for each in rivals])
    rows: list[Row] = []
    for arch in (None, SMALL):
        (name, *_), right, seconds = zip(*(right_of_model(folder, voice, arch) for voice in VOICES), strict=True)
        gain = compare_right(np.concatenate(right), theirs).difference
        beside = f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) on {best}"
        rows.append(
            _row(name if arch else f"{name}, the default", right)
            | {"beside": beside, "seconds": float(np.mean(seconds))}
        )
    return [*rows, *(_row(name, [each[name] for each in rivals]) for name in rivals[0])]


def data_without(folder: Path, voice: str) -> hw.Data:
    """The recordings, one voice for valid and the others for training."""
    items = pl.read_csv(folder / "clips.csv").with_columns(
        file=f"{folder}/" + pl.col("file"),
        split=pl.when(pl.col("speaker") == voice).then(pl.lit("valid")).otherwise(pl.lit("train")),
    )
    return hw.from_items(items, input="file", target=hw.Category("digit"), split=hw.ColumnSplit("split"))


def right_of_model(folder: Path, voice: str, arch: str | None) -> tuple[str, np.ndarray, float]:
    """The network, whether it is right on each recording of the voice left out, 1 or 0, and the seconds it trained."""
    learner = hw.Learner(data_without(folder, voice), arch, progress=False)
    start = time.perf_counter()
    learner.fine_tune()
    seconds = time.perf_counter() - start
    answers = learner.predictions()
    right = (answers.probabilities.argmax(axis=1) == answers.targets).astype(np.float64)
    print(learner.arch, voice, f"{right.mean():.3f}", f"{seconds:.0f} s", learner.history.notes, flush=True)
    return learner.arch, right, seconds


def right_of_baselines(folder: Path, voice: str) -> dict[str, np.ndarray]:
    """The same of the simple models."""
    learner = hw.Learner(data_without(folder, voice), progress=False)
    targets = learner.data.valid.targets
    found = {
        each.name: (each.predictions["valid"].argmax(axis=1) == targets).astype(np.float64)
        for each in learner.baselines()
    }
    print(voice, {name: round(float(right.mean()), 3) for name, right in found.items()}, flush=True)
    return found


def _row(name: str, right: Sequence[np.ndarray]) -> Row:
    means = [float(each.mean()) for each in right]
    by_voice = ", ".join(f"{each:.3f}" for each in means)
    return {"model": name, "mean accuracy": f"{np.mean(means):.3f}", "by voice": by_voice, "beside": None}
