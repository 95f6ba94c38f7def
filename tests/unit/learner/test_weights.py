from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import headway as hw
from tests.stopping import QUIET, killed_at, same_bits, weights

Make = Callable[..., nn.Module]


def test_weights_come_back(digits_data: hw.Data, body_head: Make, tmp_path: Path) -> None:
    learner = hw.Learner(digits_data, body_head(), **QUIET)
    learner.fit(1)
    file = learner.save_weights(tmp_path / "deep" / "digits.safetensors")
    other = hw.Learner(digits_data, body_head(1), **QUIET)
    other.load_weights(file)
    assert same_bits(other.model, learner.model)
    assert [each.name for each in file.parent.iterdir()] == ["digits.safetensors"]


def test_tied_weights_come_back(tmp_path: Path) -> None:
    from headway.learner.weights import load_weights, save_weights

    def tied() -> nn.Module:
        model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
        model[1].weight = model[0].weight
        return model

    model, other = tied(), tied()
    load_weights(other, save_weights(model, tmp_path / "tied.safetensors"))
    assert same_bits(other, model)
    assert other[1].weight is other[0].weight


def test_weights_of_another_model(digits_data: hw.Data, body_head: Make, tmp_path: Path) -> None:
    file = hw.Learner(digits_data, body_head(width=32), **QUIET).save_weights(tmp_path / "small.safetensors")
    with pytest.raises(hw.WeightsError) as caught:
        hw.Learner(digits_data, body_head(), **QUIET).load_weights(file)
    assert caught.value.what == "The weights belong to another model."
    assert "size mismatch for body.5.weight" in caught.value.given
    (tmp_path / "text.safetensors").write_text("no weights")
    for name in ("text.safetensors", "nothing.safetensors"):
        with pytest.raises(hw.WeightsError, match=r"The weights cannot be read\."):
            hw.Learner(digits_data, body_head(), **QUIET).load_weights(tmp_path / name)


def test_frozen_layers_stay_with_their_statistics(digits_data: hw.Data, body_head: Make) -> None:
    learner = hw.Learner(digits_data, body_head(), **QUIET)
    before = weights(learner.model)
    learner.freeze()
    learner.fit(1, lr=1e-2)
    changed = {name for name, each in weights(learner.model).items() if not torch.equal(each, before[name])}
    assert changed == {"head.weight", "head.bias"}
    learner.unfreeze()
    learner.fit(1, lr=1e-2)
    assert all(not torch.equal(each, before[name]) for name, each in weights(learner.model).items())


def test_freeze_up_to_a_group(digits_data: hw.Data, body_head: Make) -> None:
    learner = hw.Learner(digits_data, body_head(), **QUIET)
    learner.freeze(to=1)
    trains = [each.requires_grad for each in learner.model.parameters()]
    assert trains == sorted(trains)
    assert 0 < sum(trains) < len(trains)
    learner.freeze(to=0)
    assert all(each.requires_grad for each in learner.model.parameters())


def test_groups_that_there_are_not(digits_data: hw.Data, body_head: Make, linear: Make) -> None:
    with pytest.raises(hw.ConfigError, match=r"Unknown group of layers\."):
        hw.Learner(digits_data, body_head(), **QUIET).freeze(to=9)
    with pytest.raises(hw.ConfigError, match="A model without a `body` and a `head`"):
        hw.Learner(digits_data, linear(), **QUIET).freeze()


@pytest.mark.parametrize("save", [4, 7])
def test_a_run_with_all_of_them_goes_on_to_the_same_bits(
    digits_data: hw.Data, body_head: Make, tmp_path: Path, save: int
) -> None:
    start = hw.Learner(digits_data, body_head(3), **QUIET).save_weights(tmp_path / "start.safetensors")

    def train(learner: hw.Learner) -> None:
        learner.load_weights(start)
        learner.freeze()
        learner.fit(1)
        learner.unfreeze()
        learner.fit(1)

    whole = hw.Learner(digits_data, body_head(), batch_size=64, **QUIET)
    train(whole)
    with killed_at(save):
        train(hw.Learner(digits_data, body_head(), batch_size=64, run=tmp_path / "run", **QUIET))
    again = hw.Learner.resume(tmp_path / "run", arch=body_head(1), progress=False)
    for call in ("unfreeze", "fit")[len(again._calls) - 3 :]:
        again.unfreeze() if call == "unfreeze" else again.fit(1)
    assert same_bits(again.model, whole.model)
