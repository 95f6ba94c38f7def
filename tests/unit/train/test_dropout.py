from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

import headway as hw
from headway.train.dropout import dropout_rate
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
