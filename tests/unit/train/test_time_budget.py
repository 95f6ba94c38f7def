from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from headway.train import time_budget as pace
from headway.train.callbacks import BatchResult, Callback
from headway.train.history import History
from headway.train.loop import TrainState
from headway.train.optimizers import make_optimizer
from headway.train.options import Plan
from headway.train.precision import choose_precision
from headway.train.stage import fit
from headway.train.time_budget import Pace


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(pace, "time", made)
    return made


def state_of(total_steps: int) -> TrainState:
    model = nn.Linear(2, 2)
    return TrainState(
        model=model,
        make_inputs=lambda batch, _: (batch.inputs, batch.targets),
        loss_fn=F.cross_entropy,
        optimizer=make_optimizer(model),
        schedule=lambda _: 0.1,
        precision=choose_precision(torch.device("cpu"), "float32"),
        total_steps=total_steps,
    )


def run(
    clock: Clock,
    keeper: Pace,
    state: TrainState,
    *,
    step: float,
    evaluation: float,
    batches: int = 10,
    stop: int | None = None,
) -> float:
    """Steps and evaluations of so many seconds until the stage ends; the time that they took."""
    began = clock.now
    result: Any = None
    epoch: Any = None
    while state.step < state.total_steps and state.step != stop:
        clock.now += step
        state.step += 1
        keeper.on_batch_end(state, result)
        if state.step % batches == 0 or state.step == state.total_steps:
            clock.now += evaluation
            keeper.on_epoch_end(state, epoch)
    return clock.now - began


def test_a_stage_that_is_quick_enough_is_left_alone(clock: Clock) -> None:
    keeper, state = Pace(120, batches=10), state_of(100)
    keeper.on_train_begin(state)
    run(clock, keeper, state, step=1, evaluation=1)
    assert state.step == state.total_steps == 100


@pytest.mark.parametrize("evaluation", [0.0, 1.0, 4.0])
def test_a_stage_that_is_too_slow_ends_in_time(clock: Clock, evaluation: float) -> None:
    keeper, state = Pace(60, batches=10), state_of(100)
    keeper.on_train_begin(state)
    taken = run(clock, keeper, state, step=2, evaluation=evaluation)
    # One evaluation may come late, as it is not known how long it takes before it has been seen.
    assert 0.7 * 60 < taken <= 60 + 2 + evaluation
    assert state.step == state.total_steps


def test_no_time_at_all_ends_at_the_first_step(clock: Clock) -> None:
    keeper, state = Pace(0.5, batches=10), state_of(100)
    keeper.on_train_begin(state)
    run(clock, keeper, state, step=2, evaluation=1)
    assert state.step == state.total_steps == 1


def test_steps_that_get_slow_later(clock: Clock) -> None:
    keeper, state = Pace(100, batches=10), state_of(90)
    keeper.on_train_begin(state)
    taken = run(clock, keeper, state, step=1, evaluation=0, stop=40)
    assert state.total_steps == 90
    taken += run(clock, keeper, state, step=3, evaluation=0)
    assert 85 <= taken <= 104


def test_steps_are_never_added(clock: Clock) -> None:
    keeper, state = Pace(60, batches=10), state_of(100)
    keeper.on_train_begin(state)
    run(clock, keeper, state, step=4, evaluation=0, stop=5)
    planned = state.total_steps
    run(clock, keeper, state, step=0.01, evaluation=0)
    assert state.step == planned < 100


def test_time_between_two_processes_does_not_count(clock: Clock) -> None:
    """Killed, and resumed a day later: it has the time that it had left."""
    whole, whole_state = Pace(60, batches=10), state_of(100)
    whole.on_train_begin(whole_state)
    run(clock, whole, whole_state, step=2, evaluation=1)

    first, state = Pace(60, batches=10), state_of(100)
    first.on_train_begin(state)
    run(clock, first, state, step=2, evaluation=1, stop=13)
    clock.now += 86_400
    second, again = Pace(60, batches=10), dataclasses.replace(state)
    second.on_train_begin(again)
    second.load_state_dict(first.state_dict())
    assert second.state_dict() == first.state_dict()
    run(clock, second, again, step=2, evaluation=1)
    assert again.step == whole_state.step


def test_the_learning_rate_of_a_shortened_stage_falls_to_its_end(linear: Any, make_setup: Any) -> None:
    rates: list[float] = []

    class Watch(Callback):
        def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
            rates.append(state.schedule(state.total_steps))
            state.total_steps = min(state.total_steps, 7)

    fit(make_setup(linear(), callbacks=[Watch()]), Plan(epochs=5, lr=0.1), History())
    assert len(rates) == 7
    assert max(rates) < 0.01 * 0.1
