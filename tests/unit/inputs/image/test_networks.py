from __future__ import annotations

import pytest
import torch
from torch import nn

from headway.inputs.image.models import create
from headway.inputs.image.networks import Prepare, small_resnet
from headway.train.model import BodyAndHead
from headway.train.optimizers import depth_groups


def identities(parameters: list[nn.Parameter]) -> list[int]:
    return [id(each) for each in parameters]


def test_prepare_is_per_channel() -> None:
    prepare = Prepare((10.0, 20.0, 30.0), (1.0, 2.0, 4.0))
    pixels = torch.tensor([10, 24, 22], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 4, 5)
    found = prepare(pixels)
    assert found.dtype == torch.float32
    assert found.shape == (2, 3, 4, 5)
    assert found[1, :, 2, 3].tolist() == [0.0, 2.0, -2.0]
    assert torch.equal(prepare(pixels.float()), found)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_prepare_leaves_the_pixels_as_they_are(dtype: torch.dtype) -> None:
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (2, 3, 8, 8), generator=draw).to(dtype).to(memory_format=torch.channels_last)
    before = pixels.clone()
    prepare = Prepare((123.7, 116.3, 103.5), (58.4, 57.1, 57.4))
    found = prepare(pixels)
    assert torch.equal(pixels, before)
    assert torch.equal(found, (pixels.float() - prepare.mean) / prepare.std)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_prepare_has_nothing_to_train_and_travels_with_the_weights() -> None:
    prepare = Prepare((127.0,), (128.0,))
    assert list(prepare.parameters()) == []
    assert set(prepare.state_dict()) == {"mean", "std"}


@pytest.mark.parametrize(("channels", "size", "outputs"), [(1, 28, 10), (3, 32, 2), (3, 63, 7), (1, 8, 3)])
def test_small_resnet_takes_any_small_size(channels: int, size: int, outputs: int) -> None:
    model = small_resnet(channels, outputs).eval()
    images = torch.rand(3, channels, size, size)
    assert model.body(images).shape == (3, 128)
    assert model(images).shape == (3, outputs)
    assert torch.equal(model(images), model.head(model.body(images)))


def test_small_resnet_is_as_wide_as_asked() -> None:
    assert small_resnet(1, 10, width=4).head.in_features == 32


def test_residual_blocks_start_as_their_shortcut() -> None:
    block = small_resnet(1, 2).body[3].eval()
    x = torch.rand(2, 16, 8, 8)
    assert torch.allclose(block(x), torch.relu(block.shortcut(x)), atol=1e-6)


@pytest.mark.parametrize("arch", ["small_resnet", "test_resnet", "test_vit", "test_efficientnet"])
@pytest.mark.parametrize("num_groups", [1, 3, 5])
def test_depth_groups_hold_every_parameter_once_the_head_last(arch: str, num_groups: int) -> None:
    model = create(arch, num_outputs=5, size=64, pretrained=False).module
    groups = depth_groups(model, num_groups=num_groups)
    held = [each for group in groups for each in identities(group)]
    assert sorted(held) == sorted(identities(list(model.parameters())))
    assert len(held) == len(set(held))
    assert len(groups) == num_groups + 1
    assert all(groups)
    assert identities(groups[-1]) == identities(list(model.get_submodule("head").parameters()))
    # From the first layers to the last.
    assert held == identities(list(model.parameters()))


def test_a_plain_module_is_one_group() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    assert [identities(group) for group in depth_groups(model)] == [identities(list(model.parameters()))]


def test_layers_outside_body_and_head_are_not_lost() -> None:
    model = BodyAndHead(nn.Linear(4, 4), 4, 2)
    model.neck = nn.Linear(4, 4)
    assert [identities(group) for group in depth_groups(model)] == [identities(list(model.parameters()))]


def test_weights_that_body_and_head_share_are_in_one_group_alone() -> None:
    model = BodyAndHead(nn.Linear(4, 4), 4, 4)
    model.head.weight = model.body.weight
    groups = depth_groups(model, num_groups=1)
    assert [identities(group) for group in groups] == [identities(list(model.body.parameters())), [id(model.head.bias)]]


def test_a_body_without_weights_leaves_one_group() -> None:
    model = BodyAndHead(nn.Flatten(), 4, 2)
    assert [identities(group) for group in depth_groups(model)] == [identities(list(model.head.parameters()))]


def test_a_head_without_weights_leaves_one_group() -> None:
    model = BodyAndHead(nn.Linear(4, 2), 2, 2)
    model.head = nn.Identity()
    assert [identities(group) for group in depth_groups(model)] == [identities(list(model.body.parameters()))]
