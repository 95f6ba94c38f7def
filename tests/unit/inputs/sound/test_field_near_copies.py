from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

import headway as hw

NUM_CLIPS, NUM_COPIES = 150, 20


def _as_file(samples: np.ndarray, rate: int, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def _copy(path: Path, number: int) -> bytes:
    """A recording as another file: quieter, compressed, noisy, cut or at another rate."""
    samples, rate = soundfile.read(path, dtype="float32")
    noise = np.random.default_rng(number).normal(size=len(samples)) * np.sqrt(np.square(samples).mean())
    cut = len(samples) // 12
    ways: list[Callable[[], bytes]] = [
        lambda: _as_file(0.4 * samples, rate),
        lambda: _as_file(samples, rate, "OGG", "VORBIS"),
        lambda: _as_file(samples, rate, "MP3", "MPEG_LAYER_III"),
        lambda: _as_file(np.clip(samples + 0.1 * noise, -1, 1), rate),
        lambda: _as_file(samples[cut:-cut], rate),
        lambda: _as_file(np.repeat(samples, 2), 2 * rate),
        lambda: _as_file(samples, rate, "FLAC", "PCM_16"),
    ]
    return ways[number % len(ways)]()


@pytest.mark.slow
def test_recordings_that_were_changed_are_known_again(shared_data: Callable[[str], Path]) -> None:
    files = sorted(shared_data("spoken_digits").rglob("*.wav"))[::3][:NUM_CLIPS]
    values = [*(file.read_bytes() for file in files), *(_copy(files[7 * row], row) for row in range(NUM_COPIES))]
    items = {"clip": values, "label": ["a", "b"] * (len(values) // 2)}
    data = hw.from_items(items, input=hw.Sound("clip"), target="label", split=hw.RandomSplit(seed=1))
    planted = {(7 * row, len(files) + row) for row in range(NUM_COPIES)}
    pairs = set(data.near_copies)
    assert len(pairs & planted) >= 0.98 * NUM_COPIES
    assert len(pairs - planted) <= 0.05 * len(pairs)
    # On both sides of the split they are a leak that the audit names.
    [finding] = [finding for finding in data.audit().findings if finding.kind == "leak" and "part" in finding.evidence]
    assert finding.severity != "note" or finding.evidence["agreement"] < 0.9
    moved = hw.from_items(items, input=hw.Sound("clip"), target="label", near_copies="move")
    assert moved.copies == []
