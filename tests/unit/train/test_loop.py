from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import headway as hw
from headway.data.loader import Batch, Loader
from headway.inputs.image.augment import Augment
from headway.seeds import torch_seed
from headway.train.callbacks import BatchResult, Callback, TrainState
from headway.train.loop import predict, train_epoch, train_step
from headway.train.optimizers import make_optimizer
from headway.train.precision import choose_precision
from headway.train.stage import Setup

Make = Callable[..., nn.Module]
MakeSetup = Callable[..., Setup]


@pytest.fixture
def make_state(make_setup: MakeSetup) -> Callable[..., tuple[TrainState, Setup]]:
    def make(model: nn.Module, *, augment: Augment | None = None, **changes: Any) -> tuple[TrainState, Setup]:
        setup = make_setup(model, augment=augment or Augment.none())
        state = TrainState(
            model=model,
            make_inputs=setup.augmented,
            loss_fn=F.cross_entropy,
            optimizer=make_optimizer(model),
            schedule=lambda step: 1e-3 * (step + 1),
            precision=setup.precision,
        )
        for name, value in changes.items():
            setattr(state, name, value)
        return state, setup

    return make


def batches(setup: Setup, epoch: int = 0) -> list[Batch]:
    return list(setup.loader(setup.data.train, shuffle=True).epoch(epoch))


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_steps_are_those_of_a_loop_by_hand(body_head: Make, make_state: Any) -> None:
    """Bit for bit, dropout and normalisation included."""
    model = body_head()
    by_hand = copy.deepcopy(model)
    state, setup = make_state(model, seed=3)
    read = batches(setup)
    assert len(read) == 5

    model.train()
    losses = [train_step(state, batch).loss.item() for batch in read]

    by_hand.train()
    matrices = [each for each in by_hand.parameters() if each.ndim > 1]
    vectors = [each for each in by_hand.parameters() if each.ndim == 1]
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    for step, batch in enumerate(read):
        torch.manual_seed(torch_seed(3, "forward", step=step))
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (step + 1)
        outputs = by_hand((batch.inputs.float() - 127.5) / 127.5)
        loss = F.cross_entropy(outputs, batch.targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert loss.item() == losses[step]
    assert same(model, by_hand)


def test_the_result_of_a_step(linear: Make, make_state: Any) -> None:
    state, setup = make_state(linear())
    batch = batches(setup)[0]
    result = train_step(state, batch)
    assert result.inputs.shape == (32, 1, 28, 28)
    assert result.outputs.shape == (32, 10)
    assert not result.outputs.requires_grad
    assert not result.loss.requires_grad
    assert torch.equal(result.targets, batch.targets)
    assert np.array_equal(result.rows, batch.rows)
    assert result.loss.item() == pytest.approx(F.cross_entropy(result.outputs, result.targets).item())
    assert all(parameter.grad is None for parameter in state.model.parameters())
    assert state.step == 1


def test_the_mean_loss_counts_every_item_once(linear: Make, make_state: Any) -> None:
    """Batches of unequal sizes: an item in a small batch has no more weight than one in a large."""
    state, setup = make_state(linear(), schedule=lambda _: 0.0)
    whole = batches(setup)[0]
    parts = [Batch(whole.inputs[cut], whole.targets[cut], whole.rows[cut]) for cut in (slice(25), slice(25, 32))]
    state.model.eval()
    outputs = state.model(setup.prepare(whole.inputs))
    found = train_epoch(state, parts)
    assert found == pytest.approx(F.cross_entropy(outputs, whole.targets).item(), rel=1e-5)
    assert (state.epoch, state.step) == (1, 2)


class Stop(Callback):
    def __init__(self, after: int) -> None:
        self.after = after

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        state.stop_training = state.step == self.after


def test_stop_training_ends_after_the_step(linear: Make, make_state: Any) -> None:
    state, setup = make_state(linear(), callbacks=[Stop(2)])
    loss = train_epoch(state, batches(setup))
    assert (state.step, state.epoch, state.stop_training) == (2, 1, True)
    assert 1 < loss < 4


def test_total_steps_end_the_epoch(linear: Make, make_state: Any) -> None:
    state, setup = make_state(linear(), total_steps=7)
    train_epoch(state, batches(setup))
    assert (state.step, state.epoch) == (5, 1)
    train_epoch(state, batches(setup))
    assert (state.step, state.epoch) == (7, 2)


class Write(Callback):
    def __init__(self, name: str, lines: list[str]) -> None:
        self.name, self.lines = name, lines

    def on_epoch_begin(self, state: TrainState) -> None:
        self.lines.append(f"{self.name}: epoch {state.epoch} begins")

    def on_batch_begin(self, state: TrainState, batch: Batch) -> None:
        self.lines.append(f"{self.name}: step {state.step} begins with {len(batch.rows)}")

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        self.lines.append(f"{self.name}: step {state.step} ended with {len(result.rows)}")


def test_callbacks_run_in_the_order_of_their_list(linear: Make, make_state: Any) -> None:
    lines: list[str] = []
    state, setup = make_state(linear(), callbacks=[Write("b", lines), Write("a", lines)], total_steps=2)
    train_epoch(state, batches(setup))
    assert lines == [
        "b: epoch 0 begins",
        "a: epoch 0 begins",
        "b: step 0 begins with 32",
        "a: step 0 begins with 32",
        "b: step 1 ended with 32",
        "a: step 1 ended with 32",
        "b: step 1 begins with 32",
        "a: step 1 begins with 32",
        "b: step 2 ended with 32",
        "a: step 2 ended with 32",
    ]


def test_torchs_own_seed_decides_nothing(body_head: Make, make_state: Any) -> None:
    trained = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        state, setup = make_state(body_head(dropout=0.5), augment=Augment())
        state.model.train()
        train_epoch(state, batches(setup))
        trained.append(state.model)
    assert same(*trained)


def test_the_runs_seed_does(body_head: Make, make_state: Any) -> None:
    """Dropout alone: the batches are the same."""
    trained = []
    for seed in (0, 1):
        state, setup = make_state(body_head(dropout=0.5), seed=seed)
        state.model.train()
        train_epoch(state, batches(setup))
        trained.append(state.model)
    assert not same(*trained)


def test_each_step_drops_other_units(body_head: Make, make_state: Any) -> None:
    state, setup = make_state(body_head(dropout=0.5), schedule=lambda _: 0.0)
    state.model.train()
    batch = batches(setup)[0]
    first, second = train_step(state, batch).outputs, train_step(state, batch).outputs
    assert not torch.equal(first, second)
    state.step = 0
    assert torch.equal(train_step(state, batch).outputs, first)


@pytest.mark.parametrize("training", [True, False])
def test_predict_leaves_the_mode_as_it_was(body_head: Make, make_setup: MakeSetup, training: bool) -> None:
    setup = make_setup(body_head(dropout=0.5).train(training))
    first, _ = setup.outputs(setup.model, setup.data.valid)
    second, _ = setup.outputs(setup.model, setup.data.valid)
    assert torch.equal(first, second)
    assert {module.training for module in setup.model.modules()} == {training}


def test_predict_gives_all_items_in_order(linear: Make, make_setup: MakeSetup, digits_data: hw.Data) -> None:
    setup = make_setup(linear().eval())
    before = copy.deepcopy(setup.model)
    read = Loader(digits_data.train, 7)
    batches = predict(setup.model, read, prepare=setup.prepare, precision=setup.precision)
    given, read_batches = zip(*batches, strict=True)
    outputs, targets = torch.cat(given), torch.cat([batch.targets for batch in read_batches])
    assert np.array_equal(targets.numpy(), digits_data.train.targets)
    images = np.stack([digits_data.input.read(file) for file in digits_data.train.items["file"]])
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = setup.model(setup.prepare(pixels))
    assert torch.allclose(outputs, expected, atol=1e-5)
    assert not outputs.requires_grad
    assert not outputs.is_inference()
    assert same(setup.model, before)


def test_predict_gives_float32_whatever_is_computed_in(linear: Make, make_setup: MakeSetup) -> None:
    setup = make_setup(linear(), precision=choose_precision(torch.device("cpu"), "bfloat16"))
    outputs, _ = setup.outputs(setup.model, setup.data.valid)
    exact, _ = make_setup(setup.model).outputs(setup.model, setup.data.valid)
    assert outputs.dtype == torch.float32
    assert not torch.equal(outputs, exact)
    assert torch.allclose(outputs, exact, atol=0.05)
