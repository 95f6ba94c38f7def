from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import headway as hw
from headway.data.loader import Batch
from headway.errors import ConfigError, TrainingError
from headway.inputs.image.augment import Augment
from headway.train import stage
from headway.train.callbacks import BatchResult, Callback, TrainState
from headway.train.history import Epoch, History
from headway.train.options import Options, Plan
from headway.train.precision import choose_precision
from headway.train.stage import Setup, fit, score, set_training_mode, step_seconds

Make = Callable[..., nn.Module]
MakeSetup = Callable[..., Setup]
State = dict[str, torch.Tensor]


def copied(model: nn.Module) -> State:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_learns_a_problem(linear: Make, make_setup: MakeSetup) -> None:
    setup, history = make_setup(linear()), History()
    fit(setup, Plan(epochs=8, lr=3e-3), history)
    assert [(each.stage, each.epoch) for each in history] == [("all", number) for number in range(1, 9)]
    assert history.epochs[-1].train_loss < 0.4 * history.epochs[0].train_loss
    assert history.epochs[-1].metrics["accuracy"] > 0.7
    assert not setup.model.training


def test_an_entry_says_what_the_model_does_on_valid(linear: Make, make_setup: MakeSetup) -> None:
    told: list[Epoch] = []
    setup, history = make_setup(linear(), on_entry=told.append), History()
    fit(setup, Plan(epochs=2, lr=1e-3, options=Options(schedule="cosine")), history)
    outputs, targets = setup.outputs(setup.model, setup.data.valid)
    last = history.epochs[-1]
    assert last.valid_loss == pytest.approx(F.cross_entropy(outputs, targets).item())
    assert last.metrics == {"accuracy": pytest.approx((outputs.argmax(1) == targets).float().mean().item())}
    # The rate of the last step of ten.
    assert last.lr == pytest.approx(1e-3 * (1 + math.cos(math.pi * 0.9)) / 2)
    assert last.seconds > 0
    assert told == history.epochs


def test_a_second_stage_goes_on_in_the_same_history(linear: Make, make_setup: MakeSetup) -> None:
    setup, history = make_setup(linear()), History()
    fit(setup, Plan(epochs=1, lr=1e-3), history)
    fit(setup, Plan(epochs=1, lr=1e-3), history)
    assert len(history) == 2
    assert history.epochs[1].train_loss < history.epochs[0].train_loss


def test_max_steps_end_the_last_epoch_early(linear: Make, make_setup: MakeSetup) -> None:
    steps = Steps()
    history = History()
    fit(make_setup(linear(), callbacks=[steps]), Plan(epochs=3, lr=1e-3, max_steps=7), history)
    assert len(steps.epochs) == 7
    assert len(history) == 2


class Steps(Callback):
    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.rows: list[np.ndarray] = []
        self.inputs: list[torch.Tensor] = []
        self.norm_modes: set[bool] = set()

    def on_batch_begin(self, state: TrainState, batch: Batch) -> None:
        self.norm_modes |= {each.training for each in state.model.modules() if isinstance(each, nn.BatchNorm2d)}

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        self.epochs.append(state.epoch)
        self.rows.append(result.rows)
        self.inputs.append(result.inputs)


def test_every_training_row_once_an_epoch_in_another_order(linear: Make, make_setup: MakeSetup) -> None:
    steps = Steps()
    setup = make_setup(linear(), callbacks=[steps])
    fit(setup, Plan(epochs=2, lr=1e-3), History())
    assert steps.epochs == [0] * 5 + [1] * 5
    first, second = np.concatenate(steps.rows[:5]), np.concatenate(steps.rows[5:])
    assert sorted(first) == sorted(second) == sorted(setup.data.train.rows)
    assert not np.array_equal(first, second)


def test_images_are_augmented_anew_each_epoch(linear: Make, make_setup: MakeSetup) -> None:
    steps = Steps()
    fit(make_setup(linear(), callbacks=[steps], augment=Augment()), Plan(epochs=2, lr=1e-3), History())
    row = steps.rows[0][0]
    views = [
        inputs[int(np.flatnonzero(rows == row)[0])]
        for rows, inputs in zip(steps.rows, steps.inputs, strict=True)
        if row in rows
    ]
    assert len(views) == 2
    assert not torch.equal(*views)


def test_a_part_of_the_rows(linear: Make, make_setup: MakeSetup, digits_data: hw.Data) -> None:
    from headway.data.dataset import Part

    steps = Steps()
    part = Part(digits_data, "train", digits_data.train.items[:40])
    fit(make_setup(linear(), callbacks=[steps]), Plan(epochs=1, lr=1e-3), History(), part=part)
    assert sorted(np.concatenate(steps.rows)) == sorted(part.rows)


class Write(Callback):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def on_train_begin(self, state: TrainState) -> None:
        self.lines.append(f"train begins, {state.total_steps} steps")

    def on_epoch_begin(self, state: TrainState) -> None:
        self.lines.append(f"epoch {state.epoch} begins")

    def on_epoch_end(self, state: TrainState, epoch: Epoch) -> None:
        self.lines.append(f"epoch {epoch.epoch} ended with {list(epoch.metrics)}")

    def on_train_end(self, state: TrainState) -> None:
        self.lines.append(f"train ended after {state.step}")


def test_callbacks_around_epochs(linear: Make, make_setup: MakeSetup) -> None:
    write = Write()
    fit(make_setup(linear(), callbacks=[write]), Plan(epochs=2, lr=1e-3), History())
    assert write.lines == [
        "train begins, 10 steps",
        "epoch 0 begins",
        "epoch 1 ended with ['accuracy']",
        "epoch 1 begins",
        "epoch 2 ended with ['accuracy']",
        "train ended after 10",
    ]


class StopAtOnce(Callback):
    def on_epoch_end(self, state: TrainState, epoch: Epoch) -> None:
        state.stop_training = True


def test_a_callback_stops_training_after_an_epoch(linear: Make, make_setup: MakeSetup) -> None:
    history, write = History(), Write()
    fit(make_setup(linear(), callbacks=[StopAtOnce(), write]), Plan(epochs=5, lr=1e-3), history)
    assert len(history) == 1
    assert write.lines[-1] == "train ended after 5"


def test_freeze_norm_keeps_statistics_and_trains_weights(body_head: Make, make_setup: MakeSetup) -> None:
    model, steps = body_head(), Steps()
    before = copied(model)
    fit(make_setup(model, callbacks=[steps]), Plan(epochs=2, lr=1e-3, options=Options(freeze_norm=True)), History())
    after = model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    statistics = {"body.1.running_mean", "body.1.running_var", "body.1.num_batches_tracked"}
    assert changed == before.keys() - statistics
    assert steps.norm_modes == {False}


def test_without_it_statistics_follow(body_head: Make, make_setup: MakeSetup) -> None:
    model = body_head()
    before = copied(model)
    fit(make_setup(model), Plan(epochs=1, lr=1e-3), History())
    assert not torch.equal(model.state_dict()["body.1.running_mean"], before["body.1.running_mean"])


@pytest.mark.parametrize("freeze_norm", [True, False])
def test_training_mode(body_head: Make, freeze_norm: bool) -> None:
    model = body_head().eval()
    set_training_mode(model, freeze_norm=freeze_norm)
    for module in model.modules():
        assert module.training == (not (freeze_norm and isinstance(module, nn.BatchNorm2d)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"epochs": -1},
        {"lr": 0.0},
        {"lr": -1e-3},
        {"lr": math.inf},
        {"lr": math.nan},
        {"max_steps": 0},
        {"epochs": 1, "options": Options(sizes=[16, 24])},
    ],
)
def test_a_plan_that_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Plan(**({"epochs": 1, "lr": 1e-3} | wrong))


def test_timing_steps_leaves_the_model_as_it_was(
    body_head: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = body_head()
    before = copied(model)
    # A clock by which each step takes two seconds, and the one to warm up, which does not count, as much.
    steps = []
    model.register_forward_hook(lambda *_: steps.append(1))
    monkeypatch.setattr(stage.time, "perf_counter", lambda: 2.0 * len(steps))
    assert step_seconds(make_setup(model), Options(), steps=3) == 2
    assert len(steps) == 4
    assert same(copied(model), before)


class _Nan(nn.Module):
    """A loss that is no number from the second epoch on."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        self.calls += outputs.requires_grad
        return F.cross_entropy(outputs, targets) * (float("nan") if self.calls > 5 else 1)


def test_a_loss_that_is_no_number_ends_training(linear: Make, make_setup: MakeSetup) -> None:
    history = History()
    with pytest.raises(TrainingError):
        fit(make_setup(linear(), loss_fn=_Nan()), Plan(epochs=3, lr=1e-3), history)
    assert len(history) == 1


def test_the_callers_generators_stay_as_they_were(body_head: Make, make_setup: MakeSetup) -> None:
    setup = make_setup(body_head(dropout=0.5), augment=Augment())
    torch.manual_seed(123)
    np.random.seed(123)
    before, before_numpy = torch.get_rng_state(), np.random.get_state()[1]
    fit(setup, Plan(epochs=1, lr=1e-3), History())
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], before_numpy)


def test_the_same_seed_gives_the_same_weights_with_any_number_of_threads(
    body_head: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, histories = [], []
    for threads in (1, 4):
        monkeypatch.setattr("headway.data.loader.reader_threads", lambda threads=threads: threads)
        setup, history = make_setup(body_head(dropout=0.5), augment=Augment(), seed=5), History()
        assert setup.loader(setup.data.train).threads == threads
        torch.manual_seed(threads)
        fit(setup, Plan(epochs=2, lr=1e-3), history)
        trained.append(copied(setup.model))
        histories.append([(each.train_loss, each.valid_loss, each.metrics) for each in history])
    assert same(*trained)
    assert histories[0] == histories[1]


def test_another_seed_gives_other_weights(linear: Make, make_setup: MakeSetup) -> None:
    """Through the order alone."""
    trained = []
    for seed in (0, 1):
        setup = make_setup(linear(), seed=seed)
        fit(setup, Plan(epochs=1, lr=1e-3), History())
        trained.append(copied(setup.model))
    assert not same(*trained)


def test_evaluation_batches_are_not_tiny(linear: Make, make_setup: MakeSetup) -> None:
    setup = make_setup(linear(), batch_size=4)
    assert setup.loader(setup.data.train, shuffle=True).batch_size == 4
    assert setup.loader(setup.data.train).batch_size == 32


def test_score_uses_the_loss_and_the_metrics_that_were_given(linear: Make, make_setup: MakeSetup) -> None:
    setup = make_setup(
        linear(),
        loss_fn=lambda outputs, targets: (outputs.sum(1) - targets).square().mean(),
        metrics={"largest": lambda probabilities, targets: float(probabilities.max()), "ten": lambda p, t: 10.0},
    )
    loss, found = score(setup, torch.tensor([[1.0, 1.0], [0.0, 0.0]]), torch.tensor([0, 1]))
    assert loss == pytest.approx((4 + 1) / 2)
    assert found == {"largest": pytest.approx(0.5), "ten": 10.0}


def test_the_model_that_was_given_is_the_one_that_learns(linear: Make, make_setup: MakeSetup) -> None:
    model = linear()
    before = copy.deepcopy(model)
    fit(make_setup(model), Plan(epochs=1, lr=1e-3), History())
    assert not same(copied(model), copied(before))


def test_the_plans_weight_decay_shrinks_weights(linear: Make, make_setup: MakeSetup) -> None:
    sizes = []
    for weight_decay in (0.0, 10.0):
        setup = make_setup(linear())
        fit(setup, Plan(epochs=2, lr=3e-3, options=Options(weight_decay=weight_decay)), History())
        sizes.append(setup.model.state_dict()["2.weight"].norm().item())
    assert sizes[1] < 0.95 * sizes[0]


def test_the_plans_rates_by_depth(body_head: Make, make_setup: MakeSetup) -> None:
    model = body_head()
    before = copied(model)
    fit(make_setup(model), Plan(epochs=1, lr=1e-3, options=Options(lr_decay=0.01)), History())
    moved = {name: (tensor - before[name]).abs().max().item() for name, tensor in model.state_dict().items()}
    assert moved["head.weight"] > 1e-3
    assert 0 < moved["body.0.weight"] < 1e-7
    assert moved["body.0.weight"] < moved["body.5.weight"] < moved["head.weight"]


def test_skipped_steps_of_float16_are_counted(make_setup: MakeSetup, linear: Make) -> None:
    """Gradients too large for float16: the scaler passes over the first steps, halving its factor each time."""
    history, factors = History(), list[float]()

    class Watch(hw.Callback):
        def on_train_end(self, state: TrainState) -> None:
            factors.append(state.precision.scaler.get_scale())

    half = choose_precision(torch.device("cpu"), "float16")
    given: dict[str, Any] = {"precision": half, "callbacks": [Watch()]}
    setup = make_setup(linear(), **given, loss_fn=lambda *given: 100 * F.cross_entropy(*given))
    fit(setup, Plan(epochs=2, lr=0.001), history)
    found = re.fullmatch(r"float16: (\d+) of 10 steps were skipped because of gradient overflow\.", *history.notes)
    assert found is not None
    assert 1 <= int(found[1]) < 10
    assert factors == [65536 / 2 ** int(found[1])]
    # Another stage begins anew, or a run that goes on between the two would end elsewhere.
    assert half.scaler.get_scale() == 65536
