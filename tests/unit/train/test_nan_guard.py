from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import headway as hw
from headway.errors import TrainingError
from headway.train.distributed import ALONE
from headway.train.history import History
from headway.train.loop import BatchResult
from headway.train.nan_guard import STEPS_BETWEEN, FiniteLoss
from headway.train.options import Plan
from headway.train.stage import Setup, fit

Make = Callable[..., nn.Module]
MakeSetup = Callable[..., Setup]


class State:
    """As much of a stage's state as is looked at."""

    def __init__(self) -> None:
        self.step = 0
        self.processes = ALONE

    def schedule(self, step: int) -> float:
        return 0.001 * (step + 1)


def result(loss: float, rows: list[int], *, device: str = "cpu") -> BatchResult:
    nothing = torch.zeros(())
    value = torch.tensor(loss) if device == "cpu" else OnDevice(loss)
    return BatchResult(nothing, nothing, nothing, value, np.array(rows))  # pyright: ignore[reportArgumentType]


class OnDevice(torch.Tensor):
    """A loss that says it lies on an accelerator, and counts how often it is looked at."""

    looks = 0

    @staticmethod
    def __new__(cls, value: float) -> OnDevice:
        return torch.Tensor._make_subclass(cls, torch.tensor(value))

    @property
    def device(self) -> torch.device:  # pyright: ignore[reportIncompatibleVariableOverride]
        return torch.device("cuda")

    @property
    def is_cpu(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return False


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), float("-inf")])
def test_names_the_step_the_rate_and_the_items(digits_data: hw.Data, loss: float) -> None:
    watch, state = FiniteLoss(digits_data), State()
    rows = digits_data.train.rows[:7].tolist()
    for value in (2.3, 1e30, loss):
        state.step += 1
        if value == 2.3 or value == 1e30:
            watch.on_batch_end(state, result(value, [rows[0]]))  # pyright: ignore[reportArgumentType]
            continue
        with pytest.raises(TrainingError) as caught:
            watch.on_batch_end(state, result(value, rows))  # pyright: ignore[reportArgumentType]
    text = str(caught.value)
    assert "stopped at step 3." in text
    assert f"loss {loss}, learning rate 0.003, items " in text
    names = digits_data.items.filter(digits_data.items["row"].is_in(rows))["file"].to_list()
    assert all(name in text for name in names[:5])
    assert names[5] not in text
    assert f"and 2 more (rows {', '.join(map(str, rows))})" in text


def test_an_accelerator_is_looked_at_now_and_then(digits_data: hw.Data) -> None:
    """The step that went wrong is named all the same, though others followed before anybody looked."""
    watch, state = FiniteLoss(digits_data), State()

    def step() -> None:
        state.step += 1
        loss = float("nan") if state.step >= 3 else 1.0
        watch.on_batch_end(state, result(loss, [state.step], device="cuda"))  # pyright: ignore[reportArgumentType]

    for _ in range(STEPS_BETWEEN - 1):
        step()
    with pytest.raises(TrainingError, match="stopped at step 3\\."):
        step()


def test_what_is_left_is_looked_at_when_asked(digits_data: hw.Data) -> None:
    watch, state = FiniteLoss(digits_data), State()
    watch.check()
    state.step = 1
    watch.on_batch_end(state, result(float("nan"), [0], device="cuda"))  # pyright: ignore[reportArgumentType]
    with pytest.raises(TrainingError):
        watch.check()
    # It has been told.
    watch.check()


def test_training_stops_at_the_step(linear: Make, make_setup: MakeSetup) -> None:
    seen: list[int] = []

    def loss_fn(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        seen.append(1)
        loss = nn.functional.cross_entropy(outputs, targets)
        return loss * float("inf") if len(seen) == 4 else loss

    setup, history = make_setup(linear(), loss_fn=loss_fn), History()
    with pytest.raises(TrainingError, match="loss inf"):
        fit(setup, Plan(epochs=2, lr=1e-3), history)
    assert len(seen) == 4
    assert len(history) == 0
    assert not setup.model.training


def test_items_in_memory_have_names_too(linear: Make, make_setup: MakeSetup, digits_data: hw.Data) -> None:
    pixels = [digits_data.input.view(digits_data.train.canvases([place]))[0] for place in range(40)]
    given: Any = [np.ascontiguousarray(each[..., 0]) for each in pixels]
    data = hw.from_items(
        {"image": given, "label": ["a", "b"] * 20},
        target=hw.Category("label"),
        input=hw.Image("image", size=28, channels=1),
    )
    setup = make_setup(linear(), data=data, loss_fn=lambda o, t: o.sum() * float("nan"))
    with pytest.raises(TrainingError) as caught:
        fit(setup, Plan(epochs=1, lr=1e-3), History())
    assert len(str(caught.value)) < 1500
