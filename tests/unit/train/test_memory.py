from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import headway as hw
from headway.errors import ConfigError, TrainingError
from headway.train.callbacks import TrainState
from headway.train.history import History
from headway.train.loop import gradients
from headway.train.memory import is_out_of_memory
from headway.train.optimizers import make_optimizer
from headway.train.options import Plan
from headway.train.stage import Setup, fit

Make = Callable[..., nn.Module]
MakeSetup = Callable[..., Setup]


class Narrow(nn.Module):
    """A linear model for whose training there is memory for so many items at a time, and no more."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room, self.sizes = room, list[int]()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.training and len(inputs) > self.room:
            message = "CUDA out of memory. Tried to allocate 20.00 MiB."
            raise torch.OutOfMemoryError(message)
        self.sizes.append(len(inputs))
        return self.layers(inputs)


def trained(make_setup: MakeSetup, room: int, **changes: Any) -> tuple[Narrow, History]:
    model, history = Narrow(room), History()
    fit(make_setup(model, **changes), Plan(epochs=1, lr=0.01), history)
    return model, history


def test_pieces_have_the_gradients_of_the_whole(make_setup: MakeSetup) -> None:
    setup = make_setup(Narrow(32))
    batch = next(setup.loader(setup.data.train, shuffle=True).epoch(0))
    found = []
    for pieces in (1, 2, 3, 32, 50):
        state = TrainState(
            model=setup.model,
            make_inputs=setup.augmented,
            loss_fn=setup.objective.loss_fn,
            optimizer=make_optimizer(setup.model),
            schedule=lambda _: 0.01,
            precision=setup.precision,
            pieces=pieces,
        )
        inputs, outputs, loss = gradients(state, batch)
        found.append([inputs, outputs, loss, *(parameter.grad for parameter in setup.model.parameters())])
        state.optimizer.zero_grad(set_to_none=True)
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_training_in_pieces_learns_as_well(make_setup: MakeSetup) -> None:
    losses = [trained(make_setup, room, split_batches=True)[1].epochs[0].train_loss for room in (32, 16, 11, 1)]
    assert losses == pytest.approx([losses[0]] * 4, rel=1e-3)


def test_no_more_pieces_than_it_takes(make_setup: MakeSetup) -> None:
    model, history = trained(make_setup, 8, split_batches=True)
    assert history.notes == ["Low memory: each batch was split into 4 pieces."]
    assert set(model.sizes[:-2]) == {8}


def test_the_error_names_a_batch_size_that_fits(make_setup: MakeSetup) -> None:
    with pytest.raises(TrainingError, match=r"batch of 32 items in 1 piece on cpu(.|\n)*batch_size=8 "):
        trained(make_setup, 10)
    trained(make_setup, 10, batch_size=8)


def test_not_even_one_item(make_setup: MakeSetup) -> None:
    for split_batches in (True, False):
        with pytest.raises(TrainingError, match="even with one item"):
            trained(make_setup, 0, split_batches=split_batches)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("x"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_running_out_of_memory_looks_like(error: BaseException, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_other_errors_pass_through(make_setup: MakeSetup) -> None:
    class Wrong(Narrow):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            message = "shapes"
            raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="shapes"):
        fit(make_setup(Wrong(1), split_batches=True), Plan(epochs=1, lr=0.01), History())


def test_auto_in_a_learner(digits_data: hw.Data) -> None:
    learner = hw.Learner(digits_data, Narrow(32), batch_size="auto", progress=False)
    learner.fit(1)
    assert learner.setup.batch_size == 64
    assert learner.settings["batch_size"] == "auto"
    with pytest.raises(ConfigError):
        hw.Learner(digits_data, Narrow(1), batch_size="large", progress=False)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "message",
    [
        "MPS backend out of memory (MPS allocated: 17.00 GB, other allocations: 1.00 MB, max allowed: 18.13 GB).",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    ],
)
def test_accelerators_say_it_in_their_own_ways(message: str) -> None:
    assert is_out_of_memory(RuntimeError(message))
