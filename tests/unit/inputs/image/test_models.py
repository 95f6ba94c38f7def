from __future__ import annotations

import pytest
import timm
import torch

from headway.errors import ConfigError, did_you_mean
from headway.inputs.image.models import create, default_arch


def test_the_default_depends_on_the_size() -> None:
    assert default_arch(28) == "small_resnet"
    assert default_arch(63) == "small_resnet"
    assert default_arch(64) == "efficientnet_lite0"
    assert default_arch(224) == "efficientnet_lite0"


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("arch", ["small_resnet", "test_resnet"])
def test_from_scratch(arch: str, channels: int) -> None:
    built = create(arch, num_outputs=4, channels=channels, size=32, pretrained=False)
    assert built.pretrained == ""
    pixels = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2).expand(2, channels, 32, 2)
    assert built.prepare(pixels).unique().tolist() == [-1.0, 1.0]
    assert built.module(torch.zeros(2, channels, 32, 32)).shape == (2, 4)


def test_a_small_network_has_no_pretrained_weights_and_says_so() -> None:
    assert create("small_resnet", num_outputs=2, pretrained=True).pretrained == ""


@pytest.mark.parametrize("arch", ["test_vit", "vit_tiny_patch16_224"])
def test_a_vit_at_another_size(arch: str) -> None:
    model = create(arch, num_outputs=3, size=96, pretrained=False).module
    assert model(torch.zeros(2, 3, 96, 96)).shape == (2, 3)


def message(error: type[Exception], arch: str, **options: object) -> str:
    with pytest.raises(error) as caught:
        create(arch, num_outputs=2, **options)  # pyright: ignore[reportArgumentType]
    return str(caught.value)


def test_an_unknown_name() -> None:
    # Which names come near depends on timm's version, the nearest of them excepted.
    hint = did_you_mean("resnet19", ["small_resnet", *timm.list_models()])
    assert hint.startswith('Did you mean "resnet18" or ')
    assert message(ConfigError, "resnet19") == (
        f"Unknown architecture.\n  Given: 'resnet19'\n  Fix:   Name one of timm's models. {hint}"
    )
    assert 'Did you mean "small_resnet" or ' in message(ConfigError, "smal_resnet")


@pytest.mark.slow
def test_an_image_too_small_for_the_architecture() -> None:
    found = message(ConfigError, "inception_v3", size=32, pretrained=False)
    assert found.startswith(
        "This architecture cannot take images of that size.\n  Given: 'inception_v3', 3 x 32 x 32: Calculated padded"
    )
    assert found.endswith("\n  Fix:   Choose another size (size=, --size), such as 224, or another architecture.")
