from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import headway as hw
from headway.errors import ConfigError
from headway.inputs.image.models import create
from headway.train.optimizers import make_optimizer, set_lr
from tests.stopping import QUIET, killed_at, same_bits, weights

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
    model = create(arch, num_outputs=3, size=64, pretrained=False).module
    held = [parameter for group in make_optimizer(model).param_groups for parameter in group["params"]]
    assert len(held) == len(list(model.parameters()))
    assert {id(each) for each in held} == {id(each) for each in model.parameters()}


def test_norms_and_biases_do_not_decay(body_head: Make) -> None:
    model = body_head()
    found = places(make_optimizer(model, weight_decay=0.3))
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            is_matrix = isinstance(module, nn.Conv2d | nn.Linear) and name == "weight"
            assert found[id(parameter)]["decay"] == (0.3 if is_matrix else 0), (module, name)


def test_decay_alone_shrinks_matrices_and_nothing_else(body_head: Make) -> None:
    model = body_head()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    optimizer = make_optimizer(model, weight_decay=0.5)
    set_lr(optimizer, 0.1)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in model.named_parameters():
        expected = before[name] * (1 - 0.1 * 0.5) if parameter.ndim > 1 else before[name]
        assert torch.allclose(parameter, expected), name


def test_earlier_layers_learn_more_slowly(body_head: Make) -> None:
    model = body_head()
    optimizer = make_optimizer(model, lr_decay=0.5)
    found = places(optimizer)
    scales = [found[id(each)]["scale"] for each in model.parameters()]
    assert scales == sorted(scales)
    assert set(scales) == {0.125, 0.25, 0.5, 1.0}
    assert {found[id(each)]["scale"] for each in model.get_submodule("head").parameters()} == {1.0}
    set_lr(optimizer, 0.08)
    assert sorted({group["lr"] for group in optimizer.param_groups}) == pytest.approx([0.01, 0.02, 0.04, 0.08])


def test_one_rate_for_all_unless_asked(body_head: Make) -> None:
    optimizer = make_optimizer(body_head())
    set_lr(optimizer, 0.02)
    assert {group["lr"] for group in optimizer.param_groups} == {0.02}


def test_set_lr_takes_any_optimizer() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    set_lr(optimizer, 0.25)
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_frozen_layers_stay_out(body_head: Make) -> None:
    model = body_head()
    model.get_submodule("body").requires_grad_(False)
    held = {id(each) for group in make_optimizer(model).param_groups for each in group["params"]}
    assert held == {id(each) for each in model.get_submodule("head").parameters()}


def test_a_model_that_is_frozen_throughout(body_head: Make) -> None:
    with pytest.raises(ConfigError):
        make_optimizer(body_head().requires_grad_(False))


NAMES = ["adamw", "sgd", "adam", "lamb", "lion", "rmsprop", "nadamw", "adafactor", "muon"]
CHOICES = {
    **{name: name for name in NAMES},
    "a class": torch.optim.Adagrad,
    "a function": lambda groups: torch.optim.SGD(groups, momentum=0.9),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHOICES)
def test_each_optimizer_keeps_the_rules_trains_and_goes_on(
    name: str, body_head: Make, digits_data: hw.Data, tmp_path: Path
) -> None:
    """Groups by depth and weight decay; a run that is killed ends at the same bits."""
    model, optimizer = body_head(), CHOICES[name]
    found = places(make_optimizer(model, optimizer, weight_decay=0.3, lr_decay=0.5))
    assert len({each["scale"] for each in found.values()}) > 1
    for parameter in model.parameters():
        assert found[id(parameter)]["decay"] == (0.3 if parameter.ndim > 1 else 0)

    options = {"batch_size": 40, "optimizer": optimizer, **QUIET}
    whole = hw.Learner(digits_data, body_head(), **options)
    before = weights(whole.model)
    whole.fit(2, lr=1e-3)
    assert not same_bits(whole.model, before)
    broken = hw.Learner(digits_data, body_head(), run=tmp_path / "run", **options)
    with killed_at(3):
        broken.fit(2, lr=1e-3)
    own = None if isinstance(optimizer, str) else optimizer
    again = hw.Learner.resume(tmp_path / "run", arch=body_head(1), optimizer=own, progress=False)
    assert same_bits(again.model, whole.model)


def test_an_optimizer_of_ones_own_must_be_passed_again(body_head: Make, digits_data: hw.Data, tmp_path: Path) -> None:
    hw.Learner(digits_data, body_head(), optimizer=torch.optim.SGD, run=tmp_path / "run", **QUIET).fit(1)
    with pytest.raises(hw.RunError, match="without optimizer"):
        hw.Learner.resume(tmp_path / "run", arch=body_head(), progress=False)


@pytest.mark.parametrize(
    ("wrong", "what", "fix"),
    [
        ("adamww", "Unknown optimizer.", "Name one of timm's optimizers. Did you mean "),
        (3, "`optimizer` must be a name, a class of torch's, or a function", 'Pass "sgd", torch.optim.SGD or lambda'),
        (torch.optim.SGD([torch.ones(1)]), "`optimizer` must be a name, a class of torch's, or a function", 'Pass "'),
    ],
)
def test_what_is_no_optimizer(body_head: Make, digits_data: hw.Data, wrong: Any, what: str, fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        hw.Learner(digits_data, body_head(), optimizer=wrong, **QUIET)
    assert caught.value.what.startswith(what)
    assert caught.value.fix.startswith(fix)


@pytest.mark.parametrize("wrong", [lambda: None, lambda groups: groups, torch.optim.LBFGS])
def test_what_makes_no_optimizer(body_head: Make, wrong: Any) -> None:
    with pytest.raises(ConfigError, match="optimizer"):
        make_optimizer(body_head(), wrong)


def test_clip_norm_limits_a_step(linear: Make, digits_data: hw.Data) -> None:
    """With plain gradient descent the change of all weights in a step is the rate times the gradient's norm."""
    moved = []
    for clip_norm in (0.0, 0.01):
        learner = hw.Learner(
            digits_data, linear(), optimizer=lambda groups: torch.optim.SGD(groups), batch_size=200, **QUIET
        )
        before = [each.detach().clone() for each in learner.model.parameters()]
        learner.fit(1, lr=0.5, schedule="constant", weight_decay=0.0, clip_norm=clip_norm)
        steps = [a.detach() - b for a, b in zip(learner.model.parameters(), before, strict=True)]
        moved.append(sum(float(each.square().sum()) for each in steps) ** 0.5)
    assert moved[0] > 0.1
    assert moved[1] == pytest.approx(0.5 * 0.01, rel=1e-3)
