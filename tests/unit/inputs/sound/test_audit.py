from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import headway as hw
from headway.audit.build import item_audit
from headway.audit.shortcuts import check_shortcuts

RATE, NUM_CLIPS = 8000, 60


def shortcuts(folder: Path, change: str) -> set[str]:
    """What tells two classes of noise from one another, of which one was recorded in another way."""
    draw = np.random.default_rng(0)
    for number in range(NUM_CLIPS):
        is_high, rate = number % 2 == 0, RATE
        samples = 0.1 * draw.normal(size=int(draw.integers(3000, 4000)))
        if change == "silence" and is_high:
            samples = np.concatenate([np.zeros(800), samples])
        if change == "rate" and is_high:
            samples, rate = samples.repeat(2), 2 * RATE
        path = folder / ("high" if is_high else "low") / f"{'abcdefgh'[number % 8]}{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, rate)
    data = hw.from_folder(folder, input=hw.Sound("file", rate=RATE, seconds=0.75))
    findings = check_shortcuts(item_audit(data), 0)
    return {finding.evidence["from"] for finding in findings if finding.severity != "note"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "source"), [("silence", "the silence before and after"), ("rate", "the form of the file")]
)
def test_how_a_class_was_recorded_is_a_shortcut(tmp_path: Path, change: str, source: str) -> None:
    assert source in shortcuts(tmp_path, change)


@pytest.mark.slow
def test_recordings_made_in_one_way_have_none(tmp_path: Path) -> None:
    assert not shortcuts(tmp_path, "")
