from __future__ import annotations

import numpy as np
import pytest

from headway.inputs.sound.baselines import BASELINES, mfcc, segment_statistics
from headway.judge.baselines.base import BaselineData
from tests.kinds import tone


def statistics(hertz: float, seconds: float = 0.3) -> np.ndarray:
    return segment_statistics(mfcc(tone(hertz, seconds).astype(np.float32), 8000))


def test_mfcc_are_the_cosine_transform_of_the_logarithms() -> None:
    from scipy.fft import dct

    from headway.inputs.sound.mel import mel_filters

    samples = np.random.default_rng(0).standard_normal(4000)
    frames = np.lib.stride_tricks.sliding_window_view(samples, 200)[::80]
    filters = mel_filters(8000)
    power = np.abs(np.fft.rfft(frames * np.hanning(200), axis=1)) ** 2 @ filters[filters.any(axis=1)].T
    wanted = dct(np.log10(power), axis=1)[:, :20] / (2 * power.shape[1])
    assert mfcc(samples, 8000) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("seconds", [0.001, 0.01, 0.03, 0.3, 3.0])
def test_recordings_of_any_length_have_as_many_numbers(seconds: float) -> None:
    numbers = statistics(440, seconds)
    assert numbers.shape == (200,)
    assert numbers.dtype == np.float32
    assert np.isfinite(numbers).all()


@pytest.mark.parametrize("kind", BASELINES)
def test_they_learn_what_is_there(kind: str) -> None:
    draw = np.random.default_rng(0)
    hertz = draw.uniform(200, 2000, 60)
    targets = (hertz > 900).astype(np.int64) if kind == "classifier" else hertz[:, None] / 1000
    rows = np.stack([statistics(each) for each in hertz])
    data = BaselineData(targets=targets, arrays={"mfcc": rows})
    train, valid = data.take(np.arange(40)), data.take(np.arange(40, 60))
    for baseline in BASELINES[kind].values():
        answers = baseline.run(train, {"valid": valid}, num_outputs=2 if kind == "classifier" else 1, seed=0)["valid"]
        if kind == "classifier":
            assert answers.sum(axis=1) == pytest.approx(1)
            assert (answers.argmax(axis=1) == valid.targets).mean() > 0.7
        else:
            assert np.abs(answers - valid.targets).mean() < 0.2


def test_of_one_class_there_is_one_answer() -> None:
    data = BaselineData(targets=np.zeros(8, np.int64), arrays={"mfcc": np.random.default_rng(0).random((8, 200))})
    for baseline in BASELINES["classifier"].values():
        answers = baseline.run(data, {"valid": data}, num_outputs=2, seed=0)["valid"]
        assert answers.tolist() == [[1.0, 0.0]] * 8
