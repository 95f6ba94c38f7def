from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import headway as hw
from headway.errors import ConfigError
from headway.inputs.sound.augment import Augment, SoundView
from headway.inputs.sound.mel import band_of
from headway.inputs.sound.reading import PADDING
from headway.inputs.sound.spectrogram import LogMel
from tests.kinds import tone

FIELD = hw.Sound("file", seconds=0.5, rate=8000)
ROWS = np.array([3, 8, 20])
SAMPLES = torch.from_numpy(np.stack([tone(hertz, 0.5) for hertz in (300, 600, 1200)]).astype(np.float32))[:, None]


def augmented(augment: Augment, samples: torch.Tensor = SAMPLES, rows: np.ndarray = ROWS, epoch: int = 0) -> Any:
    view = SoundView(FIELD, augment)
    return view(samples, torch.zeros(len(samples)), rows=rows, size=None, seed=0, epoch=epoch)[0]


def test_what_is_drawn_for_a_recording_depends_on_seed_epoch_and_row_alone() -> None:
    whole = augmented(Augment())
    assert torch.equal(whole, augmented(Augment()))
    assert torch.allclose(whole[1:], augmented(Augment(), SAMPLES[1:], ROWS[1:]), atol=1e-5)
    assert not torch.equal(whole, augmented(Augment(), epoch=1))


def test_without_augmentation_it_is_the_spectrogram() -> None:
    assert torch.equal(augmented(Augment.none()), LogMel(8000)(SAMPLES))
    assert not SoundView(FIELD, Augment.none()).augments


@pytest.mark.parametrize("name", ["time", "pitch", "shift", "noise", "tone", "gain", "masks"])
def test_every_change_changes_something(name: str) -> None:
    changes = {"masks": {"masks": 2, "mask": 0.3}, "noise": {"noise": 1}}.get(name, {name: getattr(Augment(), name)})
    changed = augmented(replace(Augment.none(), **changes), epoch=2)
    assert changed.shape == (3, 1, 80, 50)
    assert (changed - LogMel(8000)(SAMPLES)).abs().max() > 0.01
    assert changed.isfinite().all()


def test_the_pitch_moves_as_far_as_it_may() -> None:
    spectrograms = augmented(replace(Augment.none(), pitch=0.3))
    peaks = spectrograms[:, 0].mean(dim=2).argmax(dim=1).numpy()
    lowest, highest = (band_of(np.array([300, 600, 1200]) * factor) for factor in (1 / 1.3, 1.3))
    assert ((peaks > lowest - 1) & (peaks < highest + 1)).all()
    assert len({*(peaks - band_of(np.array([300, 600, 1200]))).round()}) > 1


def test_as_many_masks_as_may_be() -> None:
    assert augmented(replace(Augment.none(), masks=4, mask=0.2)).isfinite().all()


def test_training_sees_one_of_the_windows_that_a_recording_has() -> None:
    samples = torch.full((1, 3, 4000), PADDING)
    samples[0, :2] = SAMPLES[:2, 0]
    wanted = LogMel(8000)(SAMPLES[:2])
    seen = [augmented(Augment.none(), samples, ROWS[:1], epoch=epoch)[0] for epoch in range(12)]
    chosen = [int(torch.allclose(each, wanted[1], atol=1e-4)) for each in seen]
    assert all(torch.allclose(each, wanted[index], atol=1e-4) for each, index in zip(seen, chosen, strict=True))
    assert {*chosen} == {0, 1}


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ConfigError) as caught:
        Augment(pitch=2, masks=9)
    assert str(caught.value) == (
        "An augmentation is out of its range.\n"
        "  Given: pitch=2, masks=9\n"
        "  Fix:   Allowed: pitch from 0 to 0.5, masks from 0 to 4."
    )


def test_it_comes_back_from_json() -> None:
    view = SoundView(FIELD, {"pitch": 0.1})
    assert SoundView(FIELD, view.to_json()).augment == view.augment == Augment(pitch=0.1)
