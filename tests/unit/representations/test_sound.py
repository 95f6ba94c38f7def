"""Spectrograms: a tone is a line where its frequency lies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from headway.representations.sound import mel, spectrogram


def tone(hertz: float, rate: int = 16_000, seconds: float = 0.3) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


@pytest.mark.parametrize("hertz", [500, 2_000, 6_000])
def test_a_tone_is_the_brightest_row(hertz: int) -> None:
    picture = spectrogram(tone(hertz), window=512)
    brightest = len(picture) - 1 - int(picture.mean(axis=1).argmax())
    assert brightest == round(hertz / 16_000 * 512)


def test_mel_bands_rise_with_the_tone() -> None:
    rows = [int(mel(tone(hertz))[::-1].mean(axis=1).argmax()) for hertz in (300, 900, 2_700, 7_000)]
    assert rows == sorted(set(rows))
    # 300 Hz lie at 402 mel of 2,840: at a seventh of the height.
    assert rows[0] == pytest.approx(64 * 402 / 2840, abs=2)


@pytest.mark.parametrize("samples", [np.zeros(2_000), np.ones(3), np.array([1.0]), tone(440)])
@pytest.mark.parametrize("draw", [spectrogram, mel])
def test_any_samples_give_shares(draw: Callable[[np.ndarray], np.ndarray], samples: np.ndarray) -> None:
    picture = draw(samples)
    assert np.isfinite(picture).all()
    assert 0 <= picture.min() <= picture.max() <= 1
