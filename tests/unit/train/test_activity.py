from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from headway.inputs.image.networks import small_resnet
from headway.inputs.text.token_scores import TokenScores
from headway.predictions import LayerActivity
from headway.train.activity import activity


def test_activity_is_what_the_layers_give() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    inputs = torch.randn(8, 1, 8, 8)
    found = activity(model, inputs)
    assert [each.name for each in found] == ["0", "1", "2", "3"]
    with torch.no_grad():
        values = torch.relu(model[0](inputs))
    assert found[1].largest == pytest.approx(values.max().item())
    assert found[1].share_dead == 0


def test_a_channel_is_dead_where_no_item_opens_it() -> None:
    layer = nn.Linear(2, 4)
    layer.weight.data = torch.tensor([[1.0, 0], [0, 1], [-1, -1], [0, 0]])
    layer.bias.data = torch.zeros(4)
    linear, relu = activity(nn.Sequential(layer, nn.ReLU()), torch.tensor([[1.0, 0], [0, 2]]))
    assert linear.share_dead == pytest.approx(0.25)
    assert relu.share_dead == pytest.approx(0.5)


def test_activity_counts_how_a_tensor_leaves() -> None:
    """A ReLU in place changes what was seen before: it is one layer, as it leaves."""
    (only,) = activity(nn.Sequential(nn.BatchNorm1d(2), nn.ReLU(inplace=True)), torch.tensor([[-1.0, 3.0]]))
    assert only.name == "0"
    assert only.share_dead == pytest.approx(0.5)
    assert only.largest == pytest.approx(3.0, rel=1e-4)


def test_activity_of_exploding_layers() -> None:
    found = activity(nn.Sequential(nn.Linear(2, 2), nn.Identity()), torch.tensor([[math.inf, 1.0]]))
    assert not math.isfinite(found[0].largest)


def test_activity_leaves_the_model_as_it_was() -> None:
    model = small_resnet(1, 3, width=4).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = activity(model, torch.rand(2, 1, 28, 28))
    assert all(isinstance(each, LayerActivity) for each in found)
    assert len({each.name for each in found}) == len(found)
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.training


def test_names_are_those_of_the_model() -> None:
    model = small_resnet(1, 3, width=4)
    names = dict(model.named_modules())
    assert {each.name for each in activity(model, torch.rand(2, 1, 28, 28))} <= set(names)


def test_a_table_that_nothing_was_put_in_is_no_dead_layer() -> None:
    """Naive Bayes beside a network gives 0 where it does not help: nothing is wrong with such a run."""
    scores, tokens = TokenScores(vocabulary=9, num_classes=2), torch.tensor([[5, 8], [6, 8]])
    assert activity(scores, tokens) == []
    scores.put(torch.ones(9, 3))
    assert [layer.share_dead for layer in activity(scores, tokens)] == [0]
