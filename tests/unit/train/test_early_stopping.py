from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import headway as hw
from tests.stopping import QUIET, killed_at, same_bits, told, weights

Make = Callable[..., nn.Module]


class Worse(hw.Callback):
    """Makes the model answer with nothing after some epochs, and keeps the weights of each."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.epochs: list[dict[str, torch.Tensor]] = []

    def on_epoch_end(self, state: Any, epoch: Any) -> None:
        self.epochs.append(weights(state.model))
        if len(self.epochs) >= self.after:
            state.schedule = lambda _: 0.0
            with torch.no_grad():
                for parameter in state.model.parameters():
                    parameter.zero_()


@pytest.mark.parametrize("monitor", ["valid_loss", "accuracy"])
def test_it_stops_and_gives_back_the_best_weights(digits_data: hw.Data, linear: Make, monitor: str) -> None:
    worse = Worse(after=2)
    learner = hw.Learner(digits_data, linear(), callbacks=[hw.EarlyStopping(monitor, patience=2), worse], **QUIET)
    history = learner.fit(8, lr=1e-2, schedule="constant")
    assert len(history) == 4
    assert history.notes == [f"{monitor} did not improve in the last 2 epochs; the weights are those of epoch 2."]
    assert same_bits(learner.model, worse.epochs[1])
    assert learner.evaluate()["accuracy"].value == history.epochs[1].metrics["accuracy"]


def test_without_restoring(digits_data: hw.Data, linear: Make) -> None:
    worse, stop = Worse(after=1), hw.EarlyStopping(patience=1, restore_best=False)
    learner = hw.Learner(digits_data, linear(), callbacks=[worse, stop], **QUIET)
    assert len(learner.fit(8, lr=1e-2)) == 2
    assert learner.history.notes == ["valid_loss did not improve in the last 1 epoch."]
    assert not same_bits(learner.model, worse.epochs[0])


def test_an_improvement_below_min_delta_does_not_count(digits_data: hw.Data, linear: Make) -> None:
    stop = hw.EarlyStopping("accuracy", patience=1, min_delta=2.0)
    assert len(hw.Learner(digits_data, linear(), callbacks=[stop], **QUIET).fit(5)) == 2


def test_the_average_is_what_is_given_back(digits_data: hw.Data, body_head: Make) -> None:
    """With `ema` an epoch is judged by averaged weights, so these are the best ones."""
    learner = hw.Learner(digits_data, body_head(), callbacks=[hw.EarlyStopping(min_delta=9.0, patience=2)], **QUIET)
    learner.fit(5, lr=1e-2, ema=0.9)
    (first, *_) = learner.history.epochs
    assert learner.evaluate()["accuracy"].value == first.metrics["accuracy"]
    assert learner.predictions().losses.mean() == pytest.approx(first.valid_loss, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("save", [2, 6, 9, 12])
def test_it_goes_on_to_the_same_bits(digits_data: hw.Data, linear: Make, tmp_path: Path, save: int) -> None:
    def made(**options: Any) -> hw.Learner:
        stop = hw.EarlyStopping(min_delta=9.0, patience=3)
        return hw.Learner(digits_data, linear(), batch_size=64, callbacks=[stop], **options, **QUIET)

    whole = made()
    whole.fit(8, lr=1e-2)
    assert len(whole.history) == 4
    broken = made(run=tmp_path / "run")
    with killed_at(save):
        broken.fit(8, lr=1e-2)
    stop = hw.EarlyStopping(min_delta=9.0, patience=3)
    again = hw.Learner.resume(tmp_path / "run", arch=linear(1), callbacks=[stop], progress=False)
    assert same_bits(again.model, whole.model)
    assert told(again.history) == told(whole.history)


def test_a_figure_that_does_not_exist(digits_data: hw.Data, linear: Make) -> None:
    learner = hw.Learner(digits_data, linear(), callbacks=[hw.EarlyStopping("acuracy")], **QUIET)
    with pytest.raises(hw.ConfigError) as caught:
        learner.fit(1)
    assert str(caught.value) == (
        "`monitor` must name a loss or a metric of the history.\n"
        "  Given: monitor='acuracy'\n"
        '  Fix:   Did you mean "accuracy"?'
    )


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"min_delta": -1.0}, {"mode": "best"}])
def test_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(hw.ConfigError, match="`patience` must be at least 1, `min_delta` at least 0"):
        hw.EarlyStopping(**wrong)
