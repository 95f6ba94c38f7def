from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import headway as hw
from headway.errors import ConfigError
from headway.inputs.base import learned
from headway.train.make_model import make_model

PHOTOS, KIND = hw.Image("file", size=32), hw.Category("label", labels=("a", "b"))


def test_a_module_of_ones_own_takes_photos_from_0_to_1() -> None:
    module = nn.Flatten()
    made = make_model(module, PHOTOS, KIND)
    assert (made.module is module, made.arch, made.pretrained) == (True, "Flatten", "")
    assert made.prepare(torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)).unique().tolist() == [1.0]


def test_a_model_of_ones_own_brings_its_own_step_before_it() -> None:
    recipe = hw.Recipe(lr=0.5)
    made = make_model(hw.Model(nn.Flatten(), prepare=nn.BatchNorm2d(3), arch="mine", recipe=recipe), PHOTOS, KIND)
    assert (made.arch, made.recipe, made.pretrained) == ("mine", recipe, "")
    # As a loader reads them, which no normalisation of torch's takes.
    pixels = torch.randint(256, (4, 3, 2, 2), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert made.prepare is not None
    assert made.prepare(pixels).mean().abs() < 1e-5


class Two(nn.Module):
    def forward(self, photo: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        return photo + table


class Optional(nn.Module):
    def forward(self, inputs: torch.Tensor, scale: float = 1.0, *rest: Any, **more: Any) -> torch.Tensor:
        return inputs * scale


def test_a_module_with_several_inputs_is_refused_with_its_reason() -> None:
    for arch in (Two(), hw.Model(Two())):
        with pytest.raises(ConfigError) as caught:
            make_model(arch, PHOTOS, KIND)
        assert str(caught.value) == (
            "The model's `forward` must take one input: a batch is one tensor.\n"
            "  Given: Two.forward(photo, table)\n"
            "  Fix:   Take one tensor and split it in `forward`; a Table's row is one."
        )
    assert make_model(Optional(), PHOTOS, KIND).arch == "Optional"


def test_what_is_no_architecture_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be an architecture's name"):
        make_model(nn.Flatten, PHOTOS, KIND)  # pyright: ignore[reportArgumentType]


def test_the_seed_decides_the_weights_and_leaves_torchs_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    field = learned(hw.Number("age"), mean=3.0)
    one, two, other = (make_model("small_resnet", PHOTOS, field, seed=seed).module.state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_weights_are_float32_whatever_torchs_default_is() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        made = make_model("small_resnet", hw.Image("file", size=32), KIND, pretrained=False)
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert {parameter.dtype for parameter in made.module.parameters()} == {torch.float32}
