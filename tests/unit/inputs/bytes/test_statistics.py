"""What is said of a file's bytes, and that drift notices files of another kind by it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import headway as hw
from headway.bundle.reference import reference
from headway.serve.drift import compare

FIELD = hw.Bytes("file", window=512, windows=2)
LABELS = ("log", "letter")


def texts(count: int, *, seed: int) -> list[bytes]:
    """Files of words of a few hundred bytes."""
    draw = np.random.default_rng(seed)
    words = np.array(["sea", "boat", "wind", "salt", "harbour", "sail", "gull", "rope"])
    return [" ".join(draw.choice(words, draw.integers(100, 160))).encode() for _ in range(count)]


def measured(files: Sequence[bytes]) -> list[dict[str, float]]:
    return [FIELD.statistics(FIELD.read(file)) for file in files]


def moved(change: Callable[[bytes], bytes]) -> set[str]:
    """What drift says has moved once each file is changed so."""
    said: list[dict[str, Any]] = [{"label": LABELS[row % 2], "score": 0.9} for row in range(200)]
    before = reference(measured(texts(200, seed=0)), said, labels=LABELS, familiar=None)
    after = measured([change(file) for file in texts(200, seed=1)])
    log = [{**answer, "familiar": None, **numbers} for answer, numbers in zip(said, after, strict=True)]
    return {shift.name for shift in compare(before, log, labels=LABELS).shifts if shift.size != "no"}


def test_statistics_of_a_file_that_is_known() -> None:
    assert measured([bytes(range(256)) * 2])[0] == {
        "entropy": 8.0,
        "zeros": round(1 / 256, 4),
        "printable": round(100 / 256, 4),
        "high": 0.5,
        "bytes_read": 512.0,
    }


def test_more_of_the_same_is_no_drift() -> None:
    assert moved(lambda file: file) == set()


def test_drift_notices_files_that_are_compressed_padded_or_cut() -> None:
    assert {"entropy", "printable", "high", "bytes_read"} <= moved(zlib.compress)
    assert {"zeros", "printable"} <= moved(lambda file: file + bytes(600))
    assert "bytes_read" in moved(lambda file: file[:80])
