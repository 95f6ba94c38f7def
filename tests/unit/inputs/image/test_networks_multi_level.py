from __future__ import annotations

import copy
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import timm
import torch
from torch import nn

from headway.inputs.image.networks import GRIDS, MAX_FEATURES, MultiLevelBody, multi_level, unmirrored
from headway.train.model import BodyAndHead
from headway.train.optimizers import depth_groups


def plain(arch: str, **options: object) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return timm.create_model(arch, num_classes=0, **options).eval()


def images(size: int, count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("arch", "size", "options"),
    [
        ("efficientnet_lite0", 96, {}),
        ("resnet18", 64, {}),
        ("mobilenetv3_small_050", 64, {}),
        ("convnext_atto", 64, {}),
        ("test_vit", 160, {}),
        ("vit_tiny_patch16_224", 64, {"img_size": 64}),
        pytest.param("swin_tiny_patch4_window7_224", 224, {}, marks=pytest.mark.slow),
    ],
)
def test_the_pooled_features_come_first(arch: str, size: int, options: dict[str, object]) -> None:
    body = plain(arch, **options)
    given = images(size)
    with torch.no_grad():
        expected = body(given)
        wrapped = multi_level(body, given)
        found = wrapped(given)
    assert isinstance(wrapped, MultiLevelBody)
    width = expected.shape[1]
    assert width < found.shape[1] <= MAX_FEATURES
    assert torch.allclose(found[:, :width], expected, atol=1e-5)
    # What comes on top is of the images as well.
    assert (found[0, width:] - found[1, width:]).abs().max() > 1e-3
    # One image alone gets what it gets among others.
    with torch.no_grad():
        assert torch.allclose(wrapped(given[:1]), found[:1], atol=1e-4)


def test_the_width_is_that_of_the_levels() -> None:
    body = plain("efficientnet_lite0")
    with torch.no_grad():
        _, levels = body.forward_intermediates(images(64), indices=2)
        found = multi_level(body, images(64))(images(64))
    assert found.shape[1] == 1280 + sum(level.shape[1] * grid**2 for level, grid in zip(levels, GRIDS[0], strict=True))
    assert found.shape[1] == 3568


class Levels(nn.Module):
    """A body of two levels, the last of `width` channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.new_zeros(len(inputs), 8)

    def forward_intermediates(self, inputs: torch.Tensor, *, indices: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
        level = inputs.new_zeros(len(inputs), self.width, 6, 6)
        return inputs, [level] * indices

    def forward_head(self, last: torch.Tensor, *, pre_logits: bool) -> torch.Tensor:
        return self(last)


def test_grids_get_coarser_until_the_features_are_few() -> None:
    chosen = []
    for width in (100, 460, 700, 1100, 2900, 3100):
        body = multi_level(Levels(width), images(32))
        chosen.append(body.grids if isinstance(body, MultiLevelBody) else None)
        assert body(images(32)).shape[1] <= MAX_FEATURES
    assert chosen == [(3, 2), (3, 2), (2, 2), (2, 1), (1, 1), None]


@pytest.mark.parametrize("error", [AttributeError, TypeError, NotImplementedError, RuntimeError, ValueError])
def test_a_body_without_levels_stays_itself(error: type[Exception]) -> None:
    class Without(Levels):
        def forward_intermediates(self, *_: object, **__: object) -> tuple[torch.Tensor, list[torch.Tensor]]:
            raise error

    for body in (nn.Flatten(), nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), Without(4)):
        assert multi_level(body, images(32)) is body


@pytest.mark.slow
def test_trying_it_changes_no_weight() -> None:
    body = plain("resnet18")
    before = {name: value.clone() for name, value in body.state_dict().items()}
    with torch.no_grad():
        wrapped = multi_level(body, images(64))
    assert all(torch.equal(value, before[name]) for name, value in body.state_dict().items())
    assert not wrapped.body.training  # pyright: ignore[reportAttributeAccessIssue]
    assert {name.removeprefix("body.") for name in wrapped.state_dict()} == set(before)


@pytest.mark.slow
def test_mirrored_it_gives_the_mean_for_an_image_and_its_mirror_image() -> None:
    body, given = multi_level(plain("resnet18"), images(64)).eval(), images(64)
    assert isinstance(body, MultiLevelBody)
    before = body.state_dict()
    with torch.no_grad():
        alone, mirrored = body(given), body(given.flip(3))
        body.mirror()
        assert torch.equal(body(given), (alone + mirrored) / 2)
        with unmirrored(body):
            assert torch.equal(body(given), alone)
        assert body.is_mirrored
        # Augmentation mirrors already.
        frozen = [module.train(module is body) for module in body.modules()]
        assert torch.equal(frozen[0](given), alone)
    other = copy.deepcopy(body)
    other.load_state_dict(before)
    assert not other.is_mirrored
    other.load_state_dict(body.state_dict())
    assert other.is_mirrored


@pytest.mark.slow
def test_the_graph_says_what_the_body_says(tmp_path: Path) -> None:
    """At a size whose levels are no multiples of the grids."""
    given = images(160, 3)
    body = plain("efficientnet_lite0")
    with torch.no_grad():
        model = BodyAndHead(multi_level(body, given), 3568, 5).eval()
        expected = model(given).numpy()
    with warnings.catch_warnings():
        # The exporter's own.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(model, (given,), dynamo=True, verbose=False)
    assert program is not None
    program.save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: given.numpy()})
    assert np.abs(np.asarray(found) - expected).max() < 1e-3


def test_every_layer_learns() -> None:
    """The last levels get gradients by two ways, and the first through both."""
    body = plain("efficientnet_lite0")
    with torch.no_grad():
        wrapped = multi_level(body, images(64))
    wrapped(images(64)).square().mean().backward()
    missing = [name for name, each in wrapped.named_parameters() if each.grad is None]
    assert missing == []
    assert depth_groups(BodyAndHead(wrapped, 3568, 2))[-1][0].shape == (2, 3568)
