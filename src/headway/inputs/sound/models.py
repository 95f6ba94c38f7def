"""Architectures for sound by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headway.errors import ConfigError, did_you_mean
from headway.inputs.sound.mel import NUM_BANDS, hertz_of
from headway.inputs.sound.networks import SmallNet, SoundModel
from headway.inputs.sound.spectrogram import LogMel
from headway.targets.base import Target
from headway.train.model import Model
from headway.train.options import Options
from headway.train.recipe import Recipe

if TYPE_CHECKING:
    from headway.inputs.sound.field import Sound

__all__ = ["ARCHITECTURES", "RECIPE", "build"]

RECIPE = Recipe(lr=1e-2, options=Options(weight_decay=0.05), samples_seen=30_000, min_epochs=5, max_epochs=60)

ARCHITECTURES = ("sound_resnet",)


def build(arch: str | None, input: Sound, target: Target, *, pretrained: bool) -> Model:
    """A model by name, the first of `ARCHITECTURES` when left out."""
    name = arch or ARCHITECTURES[0]
    if name not in ARCHITECTURES:
        fix = f"{did_you_mean(name, ARCHITECTURES)} Or pass a module of your own."
        raise ConfigError("Unknown architecture for sound.", given=repr(name), fix=fix)
    num_bands = int((hertz_of(np.arange(NUM_BANDS)) < input.samples_a_second / 2).sum())
    body = SmallNet(num_bands)
    model = SoundModel(body, body.num_features, target.num_outputs)
    return Model(model, prepare=LogMel(input.samples_a_second), recipe=RECIPE, arch=name)
