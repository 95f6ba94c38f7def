from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

import headway as hw
from headway.train.dropout import Dropout, dropout_rate
from tests.stopping import QUIET

Make = Callable[..., nn.Module]


def test_a_models_own_layers_get_the_rate_for_a_stage(body_head: Make) -> None:
    model = body_head(dropout=0.1)
    (layer,) = [module for module in model.modules() if isinstance(module, nn.Dropout)]
    with dropout_rate(model, 0.7):
        assert layer.p == 0.7
    assert layer.p == 0.1


def test_a_model_without_any_drops_inputs_of_its_last_layer_while_it_trains() -> None:
    model, ones = nn.Sequential(nn.Linear(4, 100), nn.Linear(100, 1, bias=False)), torch.ones(1, 4)
    plain = model(ones)
    seen: list[torch.Tensor] = []
    with dropout_rate(model, 0.5):
        model[1].register_forward_hook(lambda _, given, __: seen.append(given[0]))
        model.train()(ones)
        model.eval()(ones)
    assert 0.3 < (seen[0] == 0).float().mean() < 0.7
    assert not (seen[1] == 0).any()
    assert torch.equal(model.train()(ones), plain)


def test_none_changes_nothing(body_head: Make) -> None:
    model = body_head(dropout=0.1)
    with dropout_rate(model, None):
        assert [module.p for module in model.modules() if isinstance(module, nn.Dropout)] == [0.1]


def test_it_is_an_option_of_a_call(digits_data: hw.Data, linear: Make) -> None:
    outcomes = []
    for dropout in (None, 0.0, 0.5):
        learner = hw.Learner(digits_data, linear(), **QUIET)
        learner.fit(1, dropout=dropout)
        outcomes.append(learner.history.epochs[-1].train_loss)
    assert outcomes[0] == outcomes[1] != outcomes[2]


def test_a_model_without_a_linear_layer(digits_data: hw.Data) -> None:
    model = nn.Sequential(nn.Conv2d(1, 10, 28), nn.Flatten())
    with pytest.raises(hw.ConfigError, match="`dropout` needs a model with dropout layers or a linear layer"):
        hw.Learner(digits_data, model, **QUIET).fit(1, dropout=0.5)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_layer_leaves_out_its_share_and_keeps_the_mean(rate: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    outputs = Dropout(rate)(torch.ones(64, 37, 101, dtype=dtype))
    assert outputs.dtype == dtype
    assert (outputs == 0).float().mean().item() == pytest.approx(rate, abs=0.004)
    assert outputs.float().mean().item() == pytest.approx(1, abs=0.03)
    # Neighbours, which come from one draw, have nothing to do with each other.
    is_left_out = (outputs == 0).flatten().float()
    for distance in (1, 2, 3, 4):
        both = (is_left_out[distance:] * is_left_out[:-distance]).mean().item()
        assert both == pytest.approx(rate**2, abs=0.004), distance


def test_gradients_go_through_what_was_kept() -> None:
    inputs = torch.ones(4, 7, requires_grad=True)
    outputs = Dropout(0.5)(inputs)
    outputs.sum().backward()
    assert inputs.grad is not None
    assert torch.equal(inputs.grad, outputs.detach())


def test_the_seed_decides() -> None:
    layer, inputs = Dropout(0.3), torch.ones(5, 9)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(layer(inputs))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize(("rate", "left"), [(0.0, 1.0), (1.0, 0.0)])
def test_no_rate_and_all_of_it(rate: float, left: float) -> None:
    assert torch.equal(Dropout(rate)(torch.ones(2, 3)), torch.full((2, 3), left))
    assert torch.equal(Dropout(rate).eval()(torch.ones(2, 3)), torch.ones(2, 3))
    assert Dropout(0.5)(torch.ones(0, 3)).shape == (0, 3)
    assert not Dropout(1 - 1e-9)(torch.ones(2, 3)).any()
