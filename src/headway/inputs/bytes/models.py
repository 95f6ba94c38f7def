"""Architectures for bytes by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from headway.errors import ConfigError, did_you_mean
from headway.inputs.bytes.networks import PICTURES, ByteConvolution, BytesModel, PictureBody
from headway.inputs.image.models import DEFAULT_ARCH, create
from headway.inputs.image.models import is_known as is_known_for_images
from headway.targets.base import Target
from headway.train.model import Model
from headway.train.options import Options
from headway.train.recipe import Recipe

if TYPE_CHECKING:
    from headway.inputs.bytes.field import Bytes

__all__ = ["ARCHITECTURES", "RECIPE", "build", "is_known"]

RECIPE = Recipe(lr=5e-3, options=Options(weight_decay=0.05), samples_seen=30_000, min_epochs=5, max_epochs=40)

# By name, the default first.
ARCHITECTURES = ("byte_convolution", *PICTURES)

PICTURE_SIDE = 128


def is_known(arch: str) -> bool:
    """Whether `build` makes an architecture of that name, such as "hilbert", or "hilbert:resnet18"."""
    picture, _, body = arch.partition(":")
    return arch in ARCHITECTURES or (picture in PICTURES and is_known_for_images(body))


def build(arch: str | None, input: Bytes, target: Target, *, pretrained: bool) -> Model:
    """A model by name, the first of `ARCHITECTURES` by default.

    Raises:
        ConfigError: If the name is not known.
    """
    name = arch or ARCHITECTURES[0]
    if not is_known(name):
        fix = f'{did_you_mean(name, ARCHITECTURES)} Or a picture with an architecture for photos: "hilbert:resnet18".'
        raise ConfigError("Unknown architecture for bytes.", given=repr(name), fix=fix)
    picture, _, photo_arch = name.partition(":")
    if picture not in PICTURES:
        body = ByteConvolution()
        model = BytesModel(body, body.num_features, target.num_outputs, dropout=0.2)
        return Model(model, recipe=RECIPE, arch=name)
    made = create(photo_arch or DEFAULT_ARCH, num_outputs=1, channels=1, size=PICTURE_SIDE, pretrained=pretrained)
    head, photo_body = made.module.get_submodule("head"), made.module.get_submodule("body")
    assert isinstance(head, nn.Linear)
    assert made.prepare is not None
    body = PictureBody(photo_body, made.prepare, picture=picture, size=PICTURE_SIDE)
    model = BytesModel(body, head.in_features, target.num_outputs)
    return Model(model, recipe=made.recipe, pretrained=made.pretrained, arch=name)
