from __future__ import annotations

import numpy as np
import pytest

import headway as hw
from tests.kinds import tone

FIELD = hw.Sound("file", seconds=1.0, rate=8000)


def measured(samples: np.ndarray) -> dict[str, float]:
    return FIELD.statistics(FIELD.read(samples.astype(np.float32)))


def test_a_tone() -> None:
    numbers = measured(tone(440, 0.4))
    # A sine of half of full scale: 6 dB for that, 3 dB for the sine.
    assert numbers["loudness"] == pytest.approx(-9.03, abs=0.05)
    assert numbers["bandwidth"] == pytest.approx(440, abs=20)
    assert numbers["seconds"] == pytest.approx(0.4, abs=0.02)
    assert (numbers["silence"], numbers["clipped"]) == (0, 0)


def test_a_gap_is_silence_and_full_scale_is_clipped() -> None:
    gap = np.concatenate([tone(440, 0.25), np.zeros(4000), tone(440, 0.25)])
    assert measured(gap)["silence"] == pytest.approx(0.5, abs=0.03)
    assert measured(np.clip(9 * tone(440, 1), -1, 1))["clipped"] > 0.5


def test_several_windows_tell_of_the_whole() -> None:
    numbers = measured(tone(440, 3.0))
    assert numbers["seconds"] == pytest.approx(3.0, abs=0.2)
    assert numbers["loudness"] == pytest.approx(-9.03, abs=0.05)


def test_silence() -> None:
    assert measured(np.zeros(8000)) == {
        "loudness": -100.0, "bandwidth": 0.0, "seconds": 0.01, "silence": 1.0, "clipped": 0.0
    }  # fmt: skip
