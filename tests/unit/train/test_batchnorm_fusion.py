"""A folded body computes the same, and is as it was afterwards."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from headway.inputs.image.networks import MultiLevelBody
from headway.train.batchnorm_fusion import folded


def settled(model: nn.Module, seed: int = 0) -> nn.Module:
    """The model in evaluation mode, its normalisation with statistics and weights that are not 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.running_var, module.weight, module.bias):
                tensor.data.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
    return model.eval()


def norms(model: nn.Module) -> int:
    return sum(isinstance(each, nn.BatchNorm2d) for each in model.modules())


@pytest.mark.slow
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_timms_bodies_compute_the_same_without_any_normalisation(is_mirrored: bool) -> None:
    inputs = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for arch in ("efficientnet_lite0", "resnet18"):
        body = settled(MultiLevelBody(timm.create_model(arch, num_classes=0), (2, 1)))
        if is_mirrored:
            # Each layer runs twice, and is folded once.
            body.mirror()
        before = {name: tensor.clone() for name, tensor in body.state_dict().items()}
        with torch.no_grad():
            outputs = body(inputs)
            with folded(body, inputs[:1]):
                assert norms(body) == 0
                torch.testing.assert_close(body(inputs), outputs, rtol=1e-3, atol=1e-4 * outputs.abs().max().item())
            assert torch.equal(body(inputs), outputs)
        after = body.state_dict()
        assert list(before) == list(after)
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_parameters_are_the_same_objects_afterwards_though_the_work_failed() -> None:
    body = settled(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    before = list(body.parameters())
    try:
        with folded(body, torch.randn(1, 3, 8, 8)):
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert all(a is b for a, b in zip(before, body.parameters(), strict=True))


class Branching(nn.Module):
    """Normalises a convolution's output, and uses that output a second time as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        made = self.conv(inputs)
        return made + self.norm(made)


def test_a_body_that_would_answer_otherwise_stays_as_it_is() -> None:
    body, inputs = settled(Branching()), torch.randn(1, 3, 8, 8)
    with torch.no_grad(), folded(body, inputs):
        assert norms(body) == 1
        assert torch.equal(body(inputs), body.conv(inputs) + body.norm(body.conv(inputs)))


def test_normalisation_that_still_learns_its_statistics_stays() -> None:
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    with folded(body, torch.randn(2, 3, 8, 8)):
        assert norms(body) == 1
