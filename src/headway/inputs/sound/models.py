"""Architectures for sound by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headway.errors import ConfigError, did_you_mean
from headway.inputs.sound.mel import NUM_BANDS, hertz_of
from headway.inputs.sound.networks import SmallNet, SoundModel
from headway.inputs.sound.spectrogram import LogMel
from headway.inputs.sound.whisper import WhisperBody, load_whisper
from headway.targets.base import Target
from headway.train.model import Model
from headway.train.options import Options
from headway.train.recipe import Recipe

if TYPE_CHECKING:
    from headway.inputs.sound.field import Sound

__all__ = ["ARCHITECTURES", "RECIPE", "build"]

RECIPE = Recipe(lr=1e-2, options=Options(weight_decay=0.05), samples_seen=30_000, min_epochs=5, max_epochs=60)

# From random weights, which is for comparison.
WHISPER_RECIPE = Recipe(lr=5e-4, options=RECIPE.options, samples_seen=30_000)

# By name, the default first.
ARCHITECTURES = ("sound_resnet", "whisper-tiny")


def build(arch: str | None, input: Sound, target: Target, *, pretrained: bool) -> Model:
    """A model by name, the first of `ARCHITECTURES` when left out.

    Raises:
        ConfigError: If the name is not known.
        WeightsError: If Whisper's weights are neither on this machine nor can be downloaded.
    """
    name = arch or ARCHITECTURES[0]
    prepare, outputs = LogMel(input.samples_a_second), target.num_outputs
    if name == "whisper-tiny":
        body, source = load_whisper() if pretrained else (WhisperBody(), "")
        model = SoundModel(body, body.num_features, outputs)
        return Model(model, prepare=prepare, recipe=WHISPER_RECIPE, pretrained=source, arch=name)
    if name not in ARCHITECTURES:
        fix = f"{did_you_mean(name, ARCHITECTURES)} Or pass a module of your own."
        raise ConfigError("Unknown architecture for sound.", given=repr(name), fix=fix)
    num_bands = int((hertz_of(np.arange(NUM_BANDS)) < input.samples_a_second / 2).sum())
    net = SmallNet(num_bands)
    return Model(SoundModel(net, net.num_features, outputs), prepare=prepare, recipe=RECIPE, arch=name)
