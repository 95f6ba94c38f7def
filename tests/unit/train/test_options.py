from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import headway as hw
from headway.errors import ConfigError
from headway.inputs.image.augment import Augment, resized
from headway.inputs.image.field import Image
from headway.inputs.table.field import Table
from headway.runs.repeat import copy_plan
from headway.train.callbacks import BatchResult, Callback, TrainState
from headway.train.checks import check_training
from headway.train.history import History
from headway.train.options import Options, Plan, options_of
from headway.train.stage import Setup, fit
from tests.stopping import QUIET, killed_at, same_bits, told, weights

Make = Callable[..., nn.Module]
MakeSetup = Callable[..., Setup]


class Steps(Callback):
    """Notes each step's learning rates, its items, and the shapes that went through the model."""

    def __init__(self) -> None:
        self.rates: list[list[float]] = []
        self.items: list[int] = []

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        self.rates.append([group["lr"] for group in state.optimizer.param_groups])
        self.items.append(len(result.rows))
        assert len(result.inputs) == len(result.targets) == len(result.outputs) == len(result.rows)


def shapes_seen(model: nn.Module) -> list[tuple[bool, int, int]]:
    """Gets whether the model was training, items, and side of each batch that goes through it from now on."""
    seen: list[tuple[bool, int, int]] = []
    model.register_forward_pre_hook(lambda module, given: seen.append((module.training, *given[0].shape[::3])))
    return seen


def text(what: str, given: object, fix: str) -> str:
    return f"{what}\n  Given: {given}\n  Fix:   {fix}"


@pytest.fixture
def pooled() -> Make:
    """Makes a module that takes photos of any size and looks at each on its own: no normalisation, no dropout."""

    def make(seed: int = 0) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            body = nn.Sequential(nn.Conv2d(1, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten())
            return nn.Sequential(body, nn.Linear(128, 10))

    return make


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ({"lr_decay": 0.0}, "lr_decay above 0 and at most 1"),
        ({"weight_decay": -0.1}, "weight_decay from 0"),
        ({"freeze_norm": 1}, "freeze_norm True or False"),
        ({"mixup": -1.0}, "mixup from 0, such as 0.2"),
        ({"compile": "yes"}, "compile True or False"),
        ({"cutmix": float("nan")}, "cutmix from 0, such as 1"),
        ({"label_smoothing": 1.0}, "label_smoothing from 0 and below 1, such as 0.1"),
        ({"ema": 1}, "ema from 0 and below 1, such as 0.99"),
        ({"accumulate": 0}, "accumulate a whole number from 1"),
        ({"accumulate": 2.0}, "accumulate a whole number from 1"),
        ({"sizes": [16, 4]}, "sizes a sequence of whole numbers from 8, such as [128, 224]"),
        ({"sizes": 128}, "sizes a sequence of whole numbers from 8, such as [128, 224]"),
        (
            {"mixup": True, "accumulate": -1},
            "mixup from 0, such as 0.2; accumulate a whole number from 1",
        ),
    ],
)
def test_out_of_range(given: dict[str, Any], allowed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Options(**given)
    shown = ", ".join(f"{name}={value!r}" for name, value in given.items())
    assert str(caught.value) == text("A training option is out of its range.", shown, f"Allowed: {allowed}.")


def test_a_recipe_with_what_was_given() -> None:
    base = Options(lr_decay=0.3, freeze_norm=True)
    given = {"epochs": 3, "lr_decay": None, "weight_decay": 0.0, "freeze_norm": None, "mixup": 0.2}
    assert options_of(given, base) == Options(lr_decay=0.3, freeze_norm=True, weight_decay=0.0, mixup=0.2)


def test_each_size_needs_an_epoch() -> None:
    with pytest.raises(ConfigError) as caught:
        Plan(epochs=1, lr=0.1, options=Options(sizes=[16, 28]))
    assert str(caught.value) == text(
        "Each size needs an epoch.", "epochs=1, sizes=[16, 28]", "Pass epochs=2 or more, or fewer sizes."
    )


@pytest.mark.parametrize("epochs", [2, 3, 7])
def test_sizes_share_the_epochs(epochs: int) -> None:
    plan = Plan(epochs=epochs, lr=0.1, options=Options(sizes=[16, 28]))
    found = [plan.size(epoch) for epoch in range(epochs)]
    assert found == sorted(found, key=lambda size: size or 0)
    assert found.count(28) == epochs // 2


def refusal(setup: Setup, options: Options, **planned: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        check_training(options, setup, **planned)
    return str(caught.value)


def test_what_cannot_have_an_effect_on_a_table() -> None:
    columns: dict[str, Any] = {"x": np.linspace(0, 1, 40), "y": np.linspace(3, 4, 40)}
    data = hw.from_items(columns, input=Table(), target=hw.Number("y"))
    setup = hw.Learner(data, nn.Linear(1, 1), **QUIET).setup
    both = "Mixup and cutmix need photos whose target is classes, labels or numbers."
    assert refusal(setup, Options(mixup=0.2)) == text(both, "mixup=0.2, Table and Number", "Leave them out.")
    given = "mixup=0.2, cutmix=1, Table and Number"
    assert refusal(setup, Options(mixup=0.2, cutmix=1)) == text(both, given, "Leave them out.")
    assert refusal(setup, Options(label_smoothing=0.1)) == text(
        "Label smoothing is for classes and labels.", "label_smoothing=0.1, Table and Number", "Leave it out."
    )
    assert refusal(setup, Options(sizes=[16])) == text(
        "Sizes are for photos, and none may be above that of the data.",
        "sizes=[16], Table and Number",
        "Leave them out, or read larger photos (size=).",
    )


def test_points_are_not_mixed() -> None:
    photos = list(np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8))
    columns: dict[str, Any] = {"photo": photos, "x": np.linspace(1, 9, 40), "y": np.linspace(2, 9, 40)}
    data = hw.from_items(columns, input=hw.Image("photo", size=16, channels=1), target=hw.Points(columns=("x", "y")))
    setup = hw.Learner(data, nn.Sequential(nn.Flatten(), nn.Linear(256, 2)), **QUIET).setup
    what = "Mixup and cutmix need photos whose target is classes, labels or numbers."
    assert refusal(setup, Options(cutmix=1.0)) == text(what, "cutmix=1.0, Image and Points", "Leave them out.")


def test_sizes_that_cannot_be(linear: Make, pooled: Make, make_setup: MakeSetup) -> None:
    setup = make_setup(pooled())
    assert refusal(setup, Options(sizes=[16, 32])) == text(
        "Sizes are for photos, and none may be above that of the data.",
        "sizes=[16, 32], size=28",
        "Leave them out, or read larger photos (size=).",
    )
    assert refusal(setup, Options(sizes=[16, 28]), minutes=2) == text(
        "Sizes share the epochs among them, so they need a number of epochs.",
        "sizes=[16, 28], minutes=2",
        "Pass epochs instead of minutes.",
    )
    found = refusal(make_setup(linear()), Options(sizes=[16, 28]))
    assert found.startswith("The model does not take photos of that size.\n  Given: a side of 16 pixels (")
    assert found.endswith("\n  Fix:   Pass larger sizes, or leave them out.")
    check_training(Options(sizes=[16, 28]), setup)


def test_a_learner_refuses_before_it_works(pooled: Make, digits_data: hw.Data, tmp_path: Path) -> None:
    learner = hw.Learner(digits_data, pooled(), run=tmp_path / "run", **QUIET)
    before = weights(learner.model)
    for call in (
        lambda: learner.fit(1, sizes=[64]),
        lambda: learner.fit(1, mixup=-1),
        lambda: learner.fine_tune(1, sizes=[16, 28]),
        lambda: learner.fine_tune(minutes=1, sizes=[16]),
        lambda: learner.fine_tune(ema=2),
    ):
        with pytest.raises(ConfigError):
            call()
    assert learner.run is not None
    assert "training" not in learner.run.config
    assert same_bits(learner.model, before)


@pytest.mark.slow
def test_accumulated_batches_are_one_large_batch(pooled: Make, make_setup: MakeSetup) -> None:
    """Up to rounding, and through the model they go one by one."""
    found: dict[str, tuple[dict[str, torch.Tensor], Steps, set[int]]] = {}
    for name, batch_size, accumulate in (("large", 32, 1), ("four", 8, 4), ("small", 8, 1)):
        model, steps = pooled(), Steps()
        seen = shapes_seen(model)
        setup = make_setup(model, batch_size=batch_size, augment=Augment(), callbacks=[steps])
        fit(setup, Plan(epochs=2, lr=1e-2, options=Options(accumulate=accumulate)), history := History())
        assert not history.notes
        found[name] = weights(model), steps, {items for training, items, _ in seen if training}
    large, four, small = found["large"][0], found["four"][0], found["small"][0]
    for name, weight in large.items():
        assert torch.allclose(four[name], weight, atol=1e-4), name
        assert not torch.allclose(small[name], weight, atol=1e-2), name
    assert found["four"][1].items == found["large"][1].items == [32] * 10
    assert (found["large"][2], found["four"][2]) == ({32}, {8})


def test_sizes_save_pixels_and_judge_whole_photos(pooled: Make, make_setup: MakeSetup) -> None:
    """Work grows with the pixels that go through the model, so these are counted and not seconds."""
    pixels = []
    for sizes in ((), (14, 28)):
        model = pooled()
        seen = shapes_seen(model)
        setup = make_setup(model, augment=Augment())
        fit(setup, Plan(epochs=4, lr=1e-2, options=Options(sizes=sizes)), History())
        assert {side for training, _, side in seen if not training} == {28}
        pixels.append(sum(items * side**2 for training, items, side in seen if training))
    # Two epochs of four at a quarter of the pixels.
    assert pixels[1] == pixels[0] * (2 + 2 / 4) / 4


def test_a_second_call_begins_with_the_first_size(pooled: Make, digits_data: hw.Data) -> None:
    model = pooled()
    learner = hw.Learner(digits_data, model, **QUIET)
    learner.fit(1, lr=1e-3)
    seen = shapes_seen(model)
    learner.fit(2, lr=1e-3, sizes=[12, 20])
    assert [side for training, _, side in seen if training] == [12] * 3 + [20] * 3


def test_a_smaller_photo_shows_the_same(make_setup: MakeSetup, pooled: Make) -> None:
    """The whole view, smaller: not a smaller cut-out of it."""
    setup = make_setup(pooled(), augment=Augment.none())
    batch = next(iter(setup.loader(setup.data.train, shuffle=True)))
    reader = setup.data.input
    assert isinstance(reader, Image)
    small, _ = setup.augmented(batch, 0, size=14)
    whole, _ = setup.augmented(batch, 0)
    halves = whole.unfold(2, 2, 2).unfold(3, 2, 2).mean(dim=(-1, -2))
    assert small.shape == halves.shape
    assert (small - halves).abs().mean() < 0.1 * halves.std()
    assert resized(batch.inputs, side=20).dtype == torch.uint8
    assert (resized(torch.full((1, 3, 40, 40), 7, dtype=torch.uint8), side=9) == 7).all()


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_the_schedule_of_a_call(pooled: Make, digits_data: hw.Data, schedule: Any) -> None:
    steps = Steps()
    hw.Learner(digits_data, pooled(), callbacks=[steps], **QUIET).fit(2, lr=1e-2, schedule=schedule)
    rates = [rate for rate, *_ in steps.rates]
    assert max(rates) == pytest.approx(1e-2, rel=0.1)
    assert (rates[0] == max(rates)) == (schedule != "one_cycle")
    assert (rates[-1] < 0.2 * max(rates)) == (schedule != "constant")


def test_rates_by_depth_of_a_call(body_head: Make, digits_data: hw.Data) -> None:
    steps = Steps()
    hw.Learner(digits_data, body_head(), callbacks=[steps], **QUIET).fit(1, lr=1e-2, schedule="constant", lr_decay=0.1)
    assert max(steps.rates[0]) == pytest.approx(1e-2)
    assert min(steps.rates[0]) == pytest.approx(1e-5)


def test_weight_decay_of_a_call_leaves_norms_and_biases(body_head: Make, digits_data: hw.Data) -> None:
    """With gradients of zero, decay alone moves weights."""
    learner = hw.Learner(digits_data, body_head(), loss_fn=lambda outputs, _: 0 * outputs.sum(), **QUIET)
    before = weights(learner.model)
    learner.fit(1, lr=1e-2, weight_decay=1.0)
    for name, parameter in learner.model.named_parameters():
        if parameter.ndim > 1:
            assert parameter.norm() < 0.99 * before[name].norm(), name
        else:
            assert torch.equal(parameter, before[name]), name


def test_freeze_norm_of_a_call(body_head: Make, digits_data: hw.Data) -> None:
    kept = []
    for freeze_norm in (False, True):
        learner = hw.Learner(digits_data, body_head(), **QUIET)
        before = weights(learner.model)["body.1.running_mean"]
        learner.fit(1, lr=1e-3, freeze_norm=freeze_norm)
        kept.append(torch.equal(weights(learner.model)["body.1.running_mean"], before))
    assert kept == [False, True]


EVERYTHING: dict[str, Any] = {
    "schedule": "cosine",
    "lr_decay": 0.5,
    "weight_decay": 0.1,
    "freeze_norm": True,
    "mixup": 0.3,
    "cutmix": 1.0,
    "label_smoothing": 0.1,
    "ema": 0.9,
    "accumulate": 2,
    "sizes": [14, 28],
}


class Photos(nn.Module):
    """A body and a head for photos of any size."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.body = nn.Sequential(
                nn.Conv2d(1, 8, 3, stride=2),
                nn.BatchNorm2d(8),
                nn.ReLU(),
                nn.AdaptiveAvgPool2d(3),
                nn.Flatten(),
                nn.Dropout(0.2),
            )
            self.head = nn.Linear(72, 10)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(inputs))


@pytest.mark.slow
@pytest.mark.parametrize("save", [1, 4, 8])
def test_a_run_with_everything_goes_on_to_the_same_bits(digits_data: hw.Data, tmp_path: Path, save: int) -> None:
    whole = hw.Learner(digits_data, Photos(), batch_size=16, **QUIET)
    whole.fit(2, lr=1e-2, **EVERYTHING)
    broken = hw.Learner(digits_data, Photos(), batch_size=16, run=tmp_path / "run", **QUIET)
    with killed_at(save):
        broken.fit(2, lr=1e-2, **EVERYTHING)
    again = hw.Learner.resume(tmp_path / "run", arch=Photos(1), progress=False)
    assert same_bits(again.model, whole.model)
    assert told(again.history) == told(whole.history)


@pytest.mark.slow
def test_a_run_with_everything_is_repeated(digits_data: hw.Data, tmp_path: Path) -> None:
    first = hw.Learner(digits_data, Photos(), run=tmp_path / "run", **QUIET)
    first.fine_tune(2, lr=1e-3, **EVERYTHING)
    assert first.run is not None
    assert first.run.config["training"][0] == {
        "call": "fine_tune",
        "epochs": 2,
        "minutes": None,
        "lr": 1e-3,
        **EVERYTHING,
    }
    second = hw.Learner.resume(copy_plan(first.run).path, arch=Photos(1), progress=False)
    assert same_bits(second.model, first.model)
    assert told(second.history) == told(first.history)


@pytest.mark.slow
def test_minutes_with_options(digits_data: hw.Data) -> None:
    learner = hw.Learner(digits_data, Photos(), **QUIET)
    learner.fine_tune(minutes=0.1, **{**EVERYTHING, "sizes": ()})
    assert len(learner.history) >= 1


def test_default_epochs_give_each_size_one(digits_data: hw.Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hw.Recipe, "epochs", lambda *_: 1)
    model = Photos()
    seen = shapes_seen(model)
    hw.Learner(digits_data, model, **QUIET).fine_tune(sizes=[12, 20, 28])
    assert {side for training, _, side in seen if training} == {12, 20, 28}


def test_options_without_epochs_of_every_layer_are_an_error() -> None:
    with pytest.raises(ConfigError) as caught:
        options_of({"epochs": 0, "mixup": 0.2, "ema": 0.0, "lr": None, "sizes": ()})
    assert str(caught.value) == (
        "These options have no effect without epochs, because only the head is trained.\n"
        "  Given: epochs=0, mixup=0.2\n"
        "  Fix:   Leave them out, or pass epochs=1."
    )
    assert options_of({"epochs": 0, "mixup": 0.0, "sizes": ()}) == Options()
    assert Options(label_smoothing=0.1).notes == [
        "Training losses are higher than usual, because targets are mixed or smoothed."
    ]
