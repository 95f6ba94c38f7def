from __future__ import annotations

import numpy as np
import pytest
import torch

from headway.inputs.sound.mel import band_of, hertz_of, mel_filters
from headway.inputs.sound.reading import PADDING
from headway.inputs.sound.spectrogram import NOTHING, LogMel
from tests.kinds import tone


def noise(length: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(length)).astype(np.float32)


# transformers takes its time to import.
@pytest.mark.slow
def test_it_is_whispers_own() -> None:
    from transformers import WhisperFeatureExtractor

    samples = noise(16_000)
    options = {"sampling_rate": 16_000, "return_tensors": "np", "padding": False}
    [wanted] = WhisperFeatureExtractor(feature_size=80)(samples, **options)["input_features"]
    ours = LogMel(16_000)(torch.from_numpy(samples)[None, None])[0, 0].numpy()
    assert ours.shape == wanted.shape
    # Ours ends where the window does, theirs sees the zeros behind it.
    assert ours[:, :-2] == pytest.approx(wanted[:, :-2], abs=1e-5)


def test_both_rates_give_the_same_where_both_have_bands() -> None:
    low, high = (
        LogMel(rate)(torch.from_numpy(tone(700, 1, rate).astype(np.float32))[None, None])[0, 0]
        for rate in (8_000, 16_000)
    )
    assert low.shape == high.shape == (80, 100)
    assert torch.allclose(low[:60, 3:-3], high[:60, 3:-3], atol=0.05)


def test_the_loudest_band_is_the_tones() -> None:
    [spectrogram] = LogMel(8_000)(torch.from_numpy(tone(1000, 1).astype(np.float32))[None, None])[0]
    assert int(spectrogram.mean(dim=1).argmax()) == pytest.approx(float(band_of(np.array(1000.0))), abs=1)


def test_bands_and_frequencies_go_both_ways() -> None:
    bands = np.linspace(0, 79, 30)
    assert band_of(hertz_of(bands)) == pytest.approx(bands)
    assert np.array_equal(mel_filters(8_000), mel_filters(16_000)[:, :101])


def test_a_window_that_is_not_there_is_nothing_and_spectrograms_go_through() -> None:
    samples = torch.full((1, 2, 8_000), PADDING)
    samples[0, 0] = 0
    spectrograms = LogMel(8_000)(samples)
    assert (spectrograms[0, 0] == -1.5).all()
    assert (spectrograms[0, 1] == NOTHING).all()
    assert LogMel(8_000)(spectrograms) is spectrograms
