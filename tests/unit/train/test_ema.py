from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from headway.inputs.image.augment import Augment
from headway.train.callbacks import BatchResult, Callback, TrainState
from headway.train.ema import Average
from headway.train.history import History
from headway.train.options import Options, Plan
from headway.train.stage import Setup, fit
from tests.stopping import same_bits, weights

Make = Callable[..., nn.Module]
MakeSetup = Callable[..., Setup]
State = dict[str, torch.Tensor]


class Weights(Callback):
    """Keeps the weights after each step."""

    def __init__(self) -> None:
        self.steps: list[State] = []

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        self.steps.append(weights(state.model))


def trained(setup: Setup, decay: float, *, epochs: int = 2, lr: float = 1e-2) -> tuple[History, State]:
    history = History()
    plan = Plan(epochs=epochs, lr=lr, options=Options(ema=decay, schedule="constant"))
    fit(setup, plan, history)
    return history, weights(setup.model)


def test_the_model_ends_as_the_average_of_its_steps(body_head: Make, make_setup: MakeSetup) -> None:
    watch, model = Weights(), body_head()
    first = weights(model)
    _, found = trained(make_setup(model, callbacks=[watch]), 0.7)
    for name, start in first.items():
        expected = start.double()
        for step, each in enumerate(watch.steps, start=1):
            decay = min(0.7, (1 + step) / (10 + step))
            expected = decay * expected + (1 - decay) * each[name].double()
        if start.is_floating_point():
            assert torch.allclose(found[name].double(), expected, atol=1e-5), name
            assert not torch.equal(found[name], watch.steps[-1][name]), name
        else:
            assert torch.equal(found[name], watch.steps[-1][name]), "what counts is not averaged"


def test_training_goes_on_from_the_weights_and_is_judged_by_the_average(body_head: Make, make_setup: MakeSetup) -> None:
    plain, watch = Weights(), Weights()
    without, _ = trained(make_setup(body_head(), callbacks=[plain]), 0.0, epochs=3)
    with_it, found = trained(setup := make_setup(body_head(), callbacks=[watch]), 0.9, epochs=3)
    for ours, theirs in zip(watch.steps, plain.steps, strict=True):
        assert same_bits(ours, theirs)
    assert [each.train_loss for each in with_it] == [each.train_loss for each in without]
    assert all(ours.valid_loss != theirs.valid_loss for ours, theirs in zip(with_it, without, strict=True))
    outputs, targets = setup.outputs(setup.model, setup.data.valid)
    assert with_it.epochs[-1].valid_loss == pytest.approx(setup.objective.loss_fn(outputs, targets).item())
    assert same_bits(setup.model, found)


@pytest.mark.slow
def test_it_takes_out_the_noise_of_large_steps(linear: Make, make_setup: MakeSetup) -> None:
    """Polyak and Juditsky: with a rate too large to settle, the mean of the steps is nearer to where they circle."""
    losses = [
        trained(make_setup(linear(), augment=Augment.none(), batch_size=4), decay, epochs=6, lr=0.05)[0]
        for decay in (0.0, 0.95)
    ]
    assert losses[1].epochs[-1].valid_loss < 0.9 * losses[0].epochs[-1].valid_loss


def test_it_is_in_place_for_a_while(linear: Make) -> None:
    model = linear()
    average = Average(model, 0.5)
    before = weights(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    moved = weights(model)
    with average.in_place():
        assert same_bits(model, before)
    assert same_bits(model, moved)
    averaged = average.state_dict()
    assert averaged.keys() == before.keys() - {"0.num_batches_tracked"}
    other = Average(model, 0.5)
    other.load_state_dict(averaged)
    other.put()
    assert same_bits(model, before)
