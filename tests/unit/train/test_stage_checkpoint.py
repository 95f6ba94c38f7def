from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from headway.errors import CheckpointError
from headway.runs.checkpoint import Checkpoints
from headway.runs.interrupt import Signals
from headway.train import stage_checkpoint
from headway.train.callbacks import Callback
from headway.train.loop import TrainState
from headway.train.optimizers import make_optimizer
from headway.train.precision import choose_precision
from headway.train.stage_checkpoint import KeepState, capture, restore


@pytest.fixture
def keep(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints" / "0")


def state_of(model: nn.Module, *callbacks: Callback) -> TrainState:
    return TrainState(
        model=model,
        make_inputs=lambda batch, _: (batch.inputs, batch.targets),
        loss_fn=F.cross_entropy,
        optimizer=make_optimizer(model),
        schedule=lambda _: 1e-2,
        precision=choose_precision(torch.device("cpu"), "float32"),
        callbacks=callbacks,
        total_steps=10,
    )


def convolutions() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(144, 3)
        )
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def step(state: TrainState, number: int) -> None:
    generator = torch.Generator().manual_seed(number)
    inputs = torch.randn(8, 3, 8, 8, generator=generator)
    torch.manual_seed(number)
    F.cross_entropy(state.model(inputs), torch.arange(8) % 3).backward()
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.step, state.batch = state.step + 1, state.batch + 1


def test_a_stage_goes_on_to_the_same_bits(keep: Checkpoints) -> None:
    """The optimizer's averages lie in memory as they did: with other strides its update would be another one."""
    one = state_of(convolutions())
    for group in one.optimizer.param_groups:
        group["lr"] = 1e-2
    for number in range(3):
        step(one, number)
    keep.save("stage", capture(one))
    other = state_of(convolutions())
    for group in other.optimizer.param_groups:
        group["lr"] = 1e-2
    saved = keep.load("stage")
    assert saved is not None
    restore(other, saved)
    assert (other.step, other.batch, other.total_steps) == (3, 3, 10)
    for ours, theirs in zip(one.model.parameters(), other.model.parameters(), strict=True):
        assert theirs.stride() == ours.stride()
        mine, found = one.optimizer.state[ours], other.optimizer.state[theirs]
        assert mine.keys() == found.keys()
        for name, value in mine.items():
            assert torch.equal(found[name], value)
            assert found[name].stride() == value.stride()
            assert not found[name].requires_grad
    for number in range(3, 6):
        step(one, number)
        step(other, number)
    for name, value in one.model.state_dict().items():
        assert torch.equal(other.model.state_dict()[name], value), name


def test_restoring_copies(keep: Checkpoints) -> None:
    """What was loaded stays as it was, and weights stay the same objects, which the optimizer holds."""
    state = state_of(convolutions())
    step(state, 0)
    saved = capture(state)
    keep.save("stage", saved)
    other = state_of(convolutions())
    before = [id(each) for each in other.model.parameters()]
    restore(other, saved)
    assert [id(each) for each in other.model.parameters()] == before
    step(other, 1)
    found = keep.load("stage")
    assert found is not None
    assert torch.equal(found.tensors["model.0.weight"], state.model.state_dict()["0.weight"])


class Remembers(Callback):
    value = 0

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        self.value = values["value"]


def test_callbacks_get_what_was_theirs() -> None:
    first, second = Remembers(), Remembers()
    first.value, second.value = 3, 5
    saved = capture(state_of(nn.Linear(2, 2), first, Callback(), second))
    again = [Remembers(), Remembers()]
    # Those that remember nothing, such as what shows the progress, may be others.
    restore(state_of(nn.Linear(2, 2), Callback(), Callback(), *again), saved)
    assert [each.value for each in again] == [3, 5]
    for others in ([], [Remembers()], [Remembers()] * 3):
        with pytest.raises(CheckpointError, match="callbacks"):
            restore(state_of(nn.Linear(2, 2), *others), saved)


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [(0.0, [1, 2, 3, 4, 5, 6, 7, 8]), (60.0, [4, 8]), (25.0, [3, 4, 7, 8])],
)
def test_when_a_stage_is_saved(monkeypatch: pytest.MonkeyPatch, seconds: float, kept: list[int]) -> None:
    """Ten seconds a step, four steps an epoch."""
    now = 0.0
    monkeypatch.setattr(stage_checkpoint.time, "monotonic", lambda: now)
    monkeypatch.setattr(stage_checkpoint, "SECONDS_BETWEEN", seconds)
    saved: list[int] = []
    state = state_of(nn.Linear(2, 2))
    keeper = KeepState(lambda: saved.append(state.step), Signals(), batches=4)
    result: Any = None
    batch: Any = None
    keeper.on_train_begin(state)
    for _ in range(2):
        keeper.on_epoch_begin(state)
        for _ in range(4):
            keeper.on_batch_begin(state, batch)
            now += 10
            state.step, state.batch = state.step + 1, state.batch + 1
            keeper.on_batch_end(state, result)
        state.batch = 0
    assert saved == kept


@pytest.mark.parametrize("why", ["total_steps", "stop_training"])
def test_a_stage_that_ends_within_an_epoch_is_saved(why: str) -> None:
    saved: list[int] = []
    state = state_of(nn.Linear(2, 2))
    keeper = KeepState(lambda: saved.append(state.step), Signals(), batches=4)
    result: Any = None
    state.step = state.batch = 2
    if why == "total_steps":
        state.total_steps = 2
    else:
        state.stop_training = True
    keeper.on_batch_end(state, result)
    assert saved == [2]
