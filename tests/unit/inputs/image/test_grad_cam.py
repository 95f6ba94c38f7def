from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import headway as hw
from headway.inputs.image.grad_cam import grad_cam, jpeg, overlay, pictures
from headway.inputs.image.models import create
from headway.inputs.image.networks import MultiLevelBody, multi_level, small_resnet
from headway.train.linear_probe import solve_head
from headway.train.model import BodyAndHead


class Places(nn.Module):
    """Class k speaks for brightness in channel k; a network whose map is known beforehand."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(1, 1)  # a layer before, so that the map lies in the later half
        self.conv = nn.Conv2d(2, 2, 1, bias=False)
        self.conv.weight.data = torch.eye(2).view(2, 2, 1, 1)
        self.relu = nn.ReLU()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.stem(torch.zeros(1, 1))
        return self.relu(self.conv(inputs)).mean(dim=(2, 3))


def test_grad_cam_shows_where_the_class_is() -> None:
    inputs = torch.zeros(2, 2, 8, 8)
    inputs[:, 0, :4, :4] = 1
    inputs[:, 1, 4:, 4:] = 1
    heat = grad_cam(Places(), inputs, [0, 1])
    assert heat is not None
    assert heat.dtype == np.float32
    assert heat.shape == (2, 8, 8)
    assert np.array_equal(heat[0], inputs[0, 0].numpy())
    assert np.array_equal(heat[1], inputs[1, 1].numpy())


def test_grad_cam_is_the_formula() -> None:
    """The definition, written out: mean gradients as weights of the last feature map, and what is above zero."""
    torch.manual_seed(0)
    model = small_resnet(1, 10, width=4)
    nn.init.normal_(model.body[5].bn2.weight)
    model.eval()
    inputs = torch.rand(3, 1, 28, 28)
    maps = model.body[:6](inputs).detach().requires_grad_()
    logits = model.head(model.body[6:](maps))
    (slopes,) = torch.autograd.grad(logits[range(3), [4, 1, 7]].sum(), maps)
    expected = (slopes.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True).relu().detach()
    expected = nn.functional.interpolate(expected, (28, 28), mode="bilinear")[:, 0]
    assert expected.amax((1, 2)).count_nonzero() >= 2
    expected /= expected.amax((1, 2), keepdim=True).clamp_min(1e-12)
    heat = grad_cam(model, inputs, np.array([4, 1, 7]))
    assert heat == pytest.approx(expected.numpy(), abs=1e-5)


@pytest.mark.slow
def test_grad_cam_is_of_the_photo_not_of_its_mirror_image() -> None:
    torch.manual_seed(0)
    model = create("resnet18", num_outputs=3, size=64, pretrained=False).module
    images = torch.randn(2, 3, 64, 64)
    body = multi_level(cast("nn.Module", model.body), images)
    assert isinstance(body, MultiLevelBody)
    model = BodyAndHead(body, body(images).shape[1], 3).eval()
    alone = grad_cam(model, images, [0, 2])
    body.mirror()
    assert alone is not None
    assert np.array_equal(grad_cam(model, images, [0, 2]), alone)
    assert body.is_mirrored


def test_grad_cam_leaves_the_model_as_it_was() -> None:
    model = small_resnet(1, 3, width=4).train()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    inputs = torch.rand(2, 1, 28, 28)
    assert grad_cam(model, inputs, [0, 2]) is not None
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not inputs.requires_grad
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_grad_cam_where_nothing_speaks_for_the_class() -> None:
    heat = grad_cam(Places(), torch.zeros(1, 2, 8, 8), [0])
    assert heat is not None
    assert not heat.any()


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Flatten(), nn.Linear(64, 3)),
        # The only picture is the first layer's, as in a transformer.
        nn.Sequential(nn.Conv2d(1, 8, 4, 4), nn.Flatten(2), nn.Flatten(), nn.Linear(32, 8), nn.Linear(8, 3)),
    ],
)
def test_grad_cam_of_a_network_without_pictures_inside(model: nn.Module) -> None:
    assert grad_cam(model, torch.rand(2, 1, 8, 8), [0, 1]) is None


@pytest.mark.slow
def test_grad_cam_finds_the_animal(shared_data: Callable[[str], Path]) -> None:
    """The pretrained network's own maps: more heat in the middle, where the photographer put the animal."""
    built = create("efficientnet_lite0", num_outputs=2, channels=3, size=224, pretrained=True)
    reader = hw.Image("file", size=224)
    files = [sorted((shared_data("cats_dogs") / kind).iterdir())[:12] for kind in ("cat", "dog")]
    photos = np.stack([reader.view(reader.canvas(each)) for each in (*files[0], *files[1])])
    inputs = built.prepare(torch.from_numpy(photos).permute(0, 3, 1, 2))
    targets = torch.arange(2).repeat_interleave(12)
    model = built.module.eval()
    with torch.inference_mode():
        features = model.get_submodule("body")(inputs)
    head = model.get_submodule("head")
    assert isinstance(head, nn.Linear)
    solve_head(
        features, targets, target=hw.Category("label", labels=tuple(map(str, range(2)))), seed=0, decays=(0.03,)
    ).put_into(head)
    heat = grad_cam(model, inputs, targets.numpy())
    assert heat is not None
    assert heat.shape == (24, 224, 224)
    assert heat[:, 56:168, 56:168].mean() > 1.2 * heat.mean()


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_small_jpegs(channels: int) -> None:
    images = np.random.default_rng(0).integers(256, size=(2, 60, 60, channels), dtype=np.uint8)
    plain = pictures(images, side=40)
    heated = pictures(images, side=40, heats=np.random.default_rng(1).random((2, 60, 60)))
    assert [each.heat for each in plain] == [None, None]
    for each in heated:
        assert each.heat is not None
        shown = [Image.open(io.BytesIO(each.photo)), Image.open(io.BytesIO(each.heat))]
        assert [image.format for image in shown] == ["JPEG", "JPEG"]
        assert [image.size for image in shown] == [(40, 40), (40, 40)]
    assert Image.open(io.BytesIO(jpeg(images[0], side=100))).size == (60, 60)
    assert Image.open(io.BytesIO(jpeg(images[0], side=200))).size == (180, 180)


def test_overlay_is_grey_where_cold_and_warm_where_hot() -> None:
    image = np.full((4, 4, 3), (10, 90, 200), dtype=np.uint8)
    heat = np.zeros((4, 4), dtype=np.float32)
    heat[0, 0] = 1
    shown = overlay(image, heat)
    assert shown[3, 3].tolist() == [100, 100, 100]
    red, green, blue = shown[0, 0].tolist()
    assert red > green > blue
