from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from headway.errors import ConfigError
from headway.inputs.image.models import create
from headway.train.optimizers import adamw, set_lr

Make = Callable[..., nn.Module]


def places(optimizer: torch.optim.Optimizer) -> dict[int, dict[str, float]]:
    """Each parameter's group."""
    return {
        id(parameter): {"decay": group["weight_decay"], "scale": group["lr_scale"]}
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


@pytest.mark.parametrize("arch", ["small_resnet", "test_vit"])
def test_every_parameter_is_trained_once(arch: str) -> None:
    model = create(arch, num_outputs=3, size=64, pretrained=False).model
    held = [parameter for group in adamw(model).param_groups for parameter in group["params"]]
    assert len(held) == len(list(model.parameters()))
    assert {id(each) for each in held} == {id(each) for each in model.parameters()}


def test_norms_and_biases_do_not_decay(body_head: Make) -> None:
    model = body_head()
    found = places(adamw(model, weight_decay=0.3))
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            is_matrix = isinstance(module, nn.Conv2d | nn.Linear) and name == "weight"
            assert found[id(parameter)]["decay"] == (0.3 if is_matrix else 0), (module, name)


def test_decay_alone_shrinks_matrices_and_nothing_else(body_head: Make) -> None:
    model = body_head()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    optimizer = adamw(model, weight_decay=0.5)
    set_lr(optimizer, 0.1)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in model.named_parameters():
        expected = before[name] * (1 - 0.1 * 0.5) if parameter.ndim > 1 else before[name]
        assert torch.allclose(parameter, expected), name


def test_earlier_layers_learn_more_slowly(body_head: Make) -> None:
    model = body_head()
    optimizer = adamw(model, lr_decay=0.5)
    found = places(optimizer)
    scales = [found[id(each)]["scale"] for each in model.parameters()]
    assert scales == sorted(scales)
    assert set(scales) == {0.125, 0.25, 0.5, 1.0}
    assert {found[id(each)]["scale"] for each in model.get_submodule("head").parameters()} == {1.0}
    set_lr(optimizer, 0.08)
    assert sorted({group["lr"] for group in optimizer.param_groups}) == pytest.approx([0.01, 0.02, 0.04, 0.08])


def test_one_rate_for_all_unless_asked(body_head: Make) -> None:
    optimizer = adamw(body_head())
    set_lr(optimizer, 0.02)
    assert {group["lr"] for group in optimizer.param_groups} == {0.02}


def test_set_lr_takes_any_optimizer() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    set_lr(optimizer, 0.25)
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_frozen_layers_stay_out(body_head: Make) -> None:
    model = body_head()
    model.get_submodule("body").requires_grad_(False)
    held = {id(each) for group in adamw(model).param_groups for each in group["params"]}
    assert held == {id(each) for each in model.get_submodule("head").parameters()}


def test_a_model_that_is_frozen_throughout(body_head: Make) -> None:
    with pytest.raises(ConfigError):
        adamw(body_head().requires_grad_(False))
