from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import headway as hw
from headway.errors import ConfigError
from headway.inputs.image.augment import Augment
from headway.train import aside
from headway.train.aside import set_aside
from headway.train.callbacks import Callback
from headway.train.fine_tune import fine_tune, train_from_scratch
from headway.train.history import History
from headway.train.linear_probe import fold_numbers, solve_head
from headway.train.optimizers import freeze_to
from headway.train.recipe import FINE_TUNE
from headway.train.stage import Setup, fit

Make = Callable[..., nn.Module]
MakeSetup = Callable[..., Setup]
State = dict[str, torch.Tensor]

KEPT = re.compile(
    r"Fine-tuning did better than the head alone "
    r"\(loss [\d.e-]+ against [\d.e-]+ on \d+ held-out training rows, after temperature scaling\) and was kept\."
)
BROKEN_OFF = re.compile(
    r"Fine-tuning did clearly worse than the head alone after \d+ of \d+ steps "
    r"\(loss [\d.e+-]+ against [\d.e-]+ on \d+ held-out training rows, after temperature scaling\): it was broken off, "
    r"and the head was kept\. To train to the end anyway, pass epochs \(--epochs\)\."
)
LEFT = re.compile(
    r"Fine-tuning did not do clearly better than the head alone "
    r"\(loss [\d.e+]+ against [\d.e-]+ on \d+ held-out training rows, after temperature scaling\): the head was kept\."
)


def copied(model: nn.Module) -> State:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def tuned(body_head: Make, make_setup: MakeSetup) -> Callable[..., tuple[Setup, History]]:
    """A model that was fine-tuned."""

    def make(epochs: int | None = None, **options: Any) -> tuple[Setup, History]:
        plan = {name: options.pop(name) for name in ("minutes", "lr") if name in options}
        model = body_head(width=options.pop("width", 64))
        setup, history = make_setup(model, **options), History()
        fine_tune(setup, history, epochs=epochs, **plan)
        return setup, history

    return make


@pytest.mark.slow
def test_the_head_alone(body_head: Make, make_setup: MakeSetup) -> None:
    """Zero epochs: the body stays, the head is the solution on its features."""
    model = body_head()
    before = copied(model)
    setup, history = make_setup(model), History()
    found = fine_tune(setup, history, epochs=0)
    after = copied(model)
    assert {name for name in before if not torch.equal(before[name], after[name])} == {"head.weight", "head.bias"}
    assert history.notes == []

    assert set(found.parts) == {"train", "valid"}
    features, targets = setup.outputs(model.get_submodule("body"), setup.data.train)
    # The frozen body is run with its normalisation folded into its convolutions: the same up to rounding.
    np.testing.assert_allclose(found.parts["train"], features.numpy(), rtol=1e-3, atol=1e-5)
    assert found.parts["valid"].shape == (40, 64)
    features = torch.from_numpy(found.parts["train"])
    head = solve_head(features, targets, target=hw.Category("label", labels=tuple(map(str, range(10)))), seed=0)
    assert torch.equal(after["head.weight"], head.weight)
    assert torch.equal(after["head.bias"], head.bias)

    (entry,) = history
    assert (entry.stage, entry.epoch, entry.lr) == ("head", 1, None)
    outputs, targets = setup.outputs(model, setup.data.valid)
    assert entry.valid_loss == pytest.approx(F.cross_entropy(outputs, targets).item(), rel=1e-4)
    assert entry.train_loss == pytest.approx(head.train_loss)
    assert entry.metrics["accuracy"] == pytest.approx((outputs.argmax(1) == targets).float().mean().item())
    assert entry.metrics["accuracy"] > 0.4


@pytest.mark.slow
def test_both_stages(tuned: Any) -> None:
    """Six random features are too few for a head; trained, they are better on rows that neither has seen."""
    setup, history = tuned(12, lr=3e-3, width=6)
    alone, _ = tuned(0, width=6)
    assert [each.stage for each in history] == ["head"] + ["all"] * 12
    assert [each.epoch for each in history] == [1, *range(1, 13)]
    assert all(KEPT.fullmatch(note) for note in history.notes), history.notes
    assert len(history.notes) == 1
    after, before = copied(setup.model), copied(alone.model)
    kept = {"body.1.running_mean", "body.1.running_var", "body.1.num_batches_tracked"}
    assert {name for name in before if torch.equal(before[name], after[name])} == kept
    assert not setup.model.training


@pytest.mark.slow
def test_an_overconfident_stage_two_is_kept_where_it_is_better(tuned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """How sure it is decides nothing; as it stands, its loss is greater than the head's."""

    def sure(setup: Setup, *rest: Any, **options: Any) -> None:
        fit(setup, *rest, **options)
        with torch.no_grad():
            for parameter in setup.model.get_submodule("head").parameters():
                parameter *= 5

    plain, _ = tuned(12, lr=3e-3, width=6)
    monkeypatch.setattr("headway.train.fine_tune.fit", sure)
    setup, history = tuned(12, lr=3e-3, width=6)
    assert all(KEPT.fullmatch(note) for note in history.notes), history.notes
    assert torch.equal(setup.model.get_parameter("head.weight"), 5 * plain.model.get_parameter("head.weight"))


class Watch(Callback):
    """Keeps the rows of each batch, and what the model gave for them."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []
        self.outputs: list[torch.Tensor] = []

    def on_batch_end(self, state: Any, result: Any) -> None:
        self.rows.append(result.rows)
        self.outputs.append(result.outputs)


@pytest.mark.slow
def test_stage_two_starts_from_the_solved_head(body_head: Make, make_setup: MakeSetup) -> None:
    """A head that, like all of stage two, never saw the rows that judge it."""
    watch = Watch()
    setup = make_setup(body_head(dropout=0.0), callbacks=[watch])
    fine_tune(setup, History(), epochs=2, lr=1e-4)
    inside, held = set_aside(setup.data.train, setup.seed)
    untouched = make_setup(body_head(dropout=0.0))
    body = untouched.model.body
    assert isinstance(body, nn.Module)
    everything = solve_head(
        *untouched.outputs(body, setup.data.train),
        target=hw.Category("label", labels=tuple(map(str, range(10)))),
        seed=0,
    )
    features, targets = untouched.outputs(body, inside)
    blind = solve_head(
        features,
        targets,
        target=hw.Category("label", labels=tuple(map(str, range(10)))),
        seed=0,
        decays=(everything.weight_decay,),
    )
    places = [inside.rows.tolist().index(row) for row in watch.rows[0]]
    # Solved to a loss of 1e-7, on features whose last bits depend on the batch.
    assert torch.allclose(watch.outputs[0], blind(features[places]), atol=5e-3)
    assert set(np.concatenate(watch.rows).tolist()) == set(inside.rows.tolist())
    assert not set(np.concatenate(watch.rows).tolist()) & set(held.rows.tolist())


@pytest.mark.slow
def test_a_recipe_has_each_row_train_by_a_head_that_does_not_know_it(body_head: Make, make_setup: MakeSetup) -> None:
    """Solved on the other folds of the rows that train; none of these is set aside."""
    watch = Watch()
    setup = make_setup(body_head(dropout=0.0), callbacks=[watch])
    crossing = replace(setup, fine_tuning=replace(setup.fine_tuning, cross_fits=True))
    fine_tune(crossing, History(), epochs=2, lr=1e-4)
    inside, held = set_aside(setup.data.train, setup.seed)
    untouched = make_setup(body_head(dropout=0.0))
    body = untouched.model.body
    assert isinstance(body, nn.Module)
    target = hw.Category("label", labels=tuple(map(str, range(10))))
    everything = solve_head(*untouched.outputs(body, setup.data.train), target=target, seed=0)
    features, targets = untouched.outputs(body, inside)
    folds = fold_numbers(targets.numpy(), seed=0)
    for place, given in zip([inside.rows.tolist().index(row) for row in watch.rows[0]], watch.outputs[0], strict=True):
        others = folds != folds[place]
        assert not others[place]
        own = solve_head(features[others], targets[others], target=target, seed=0, decays=(everything.weight_decay,))
        # Solved to a loss of 1e-7, on features whose last bits depend on the batch.
        assert torch.allclose(given, own(features[place : place + 1])[0], atol=5e-3)
    assert set(np.concatenate(watch.rows).tolist()) == set(inside.rows.tolist())
    assert not set(np.concatenate(watch.rows).tolist()) & set(held.rows.tolist())


@pytest.mark.slow
def test_the_head_of_a_frozen_body_trains(body_head: Make, make_setup: MakeSetup) -> None:
    """Heads of folds stay as they were solved, and nothing would be left to train."""
    setup, history = make_setup(body_head()), History()
    freeze_to(setup.model, -1)
    fine_tune(replace(setup, fine_tuning=replace(setup.fine_tuning, cross_fits=True)), history, epochs=1)
    assert [each.stage for each in history] == ["head", "all"]


@pytest.mark.slow
def test_a_recipe_says_how_many_rows_judge(
    body_head: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others train."""
    monkeypatch.setattr(aside, "MIN_OF_CLASS", 1)
    setup, history = make_setup(body_head()), History()
    fine_tune(replace(setup, fine_tuning=replace(setup.fine_tuning, most_aside=20)), history, epochs=1)
    assert any("on 20 held-out training rows" in note for note in history.notes), history.notes


@pytest.mark.slow
@pytest.mark.parametrize("lr", [10.0, 1e30])
def test_a_worse_stage_two_leaves_stage_ones_weights(tuned: Any, lr: float) -> None:
    """Bit for bit; the second of the rates makes the loss no number at all."""
    alone, _ = tuned(0)
    setup, history = tuned(2, lr=lr)
    assert same(copied(setup.model), copied(alone.model))
    (note,) = history.notes
    if lr > 1e9:
        assert note == ("Fine-tuning diverged (the loss became NaN); the head alone was kept. Try a lower lr.")
    else:
        assert LEFT.fullmatch(note), note
        assert [each.stage for each in history] == ["head", "all", "all"]
    outputs, targets = setup.outputs(setup.model, setup.data.valid)
    assert history.epochs[0].metrics["accuracy"] == pytest.approx((outputs.argmax(1) == targets).float().mean().item())


@pytest.mark.slow
def test_the_default_plan_breaks_off_a_stage_two_that_is_clearly_worse(tuned: Any) -> None:
    """Halfway, bit for bit with stage one's weights; epochs that were asked for come to their end."""
    seen = []

    class Watch(Callback):
        def on_batch_end(self, state: Any, result: Any) -> None:
            seen.append((state.step, state.total_steps))

    alone, _ = tuned(0)
    setup, history = tuned(lr=10.0, callbacks=[Watch()])
    step, planned = seen[-1]
    assert step == round(planned / 2) < planned
    assert same(copied(setup.model), copied(alone.model))
    assert [each.stage for each in history] == ["head"]
    (note,) = history.notes
    assert BROKEN_OFF.fullmatch(note), note
    assert f"after {step} of {planned} steps" in note


@pytest.mark.slow
def test_a_stage_two_that_is_no_worse_comes_to_its_end(tuned: Any) -> None:
    """To the same bits as with the epochs passed, which are never broken off."""
    setup, history = tuned(lr=1e-3, width=6)
    asked, _ = tuned(sum(each.stage == "all" for each in history), lr=1e-3, width=6)
    assert same(copied(setup.model), copied(asked.model))
    assert KEPT.fullmatch(history.notes[-1]), history.notes


@pytest.mark.slow
@pytest.mark.parametrize(("epochs", "lr"), [(0, None), (6, 3e-3), (2, 10.0)])
def test_labels_in_valid_change_nothing_in_the_weights(
    tuned: Any, other_labels: hw.Data, epochs: int, lr: float | None
) -> None:
    setup, history = tuned(epochs, lr=lr)
    other, other_history = tuned(epochs, lr=lr, data=other_labels)
    assert same(copied(setup.model), copied(other.model))
    assert history.notes == other_history.notes
    # They were seen when it was judged.
    assert history.epochs[0].metrics != other_history.epochs[0].metrics


@pytest.mark.slow
def test_labels_in_train_do(tuned: Any, digits_data: hw.Data) -> None:
    """So the test above could fail."""
    items = digits_data.items.with_columns(
        label=pl.when((pl.col("split") == "train") & (pl.col("label") == "1"))
        .then(pl.lit("7"))
        .otherwise(pl.col("label"))
    )
    setup, _ = tuned(0)
    other, _ = tuned(0, data=replace(digits_data, items=items))
    assert not same(copied(setup.model), copied(other.model))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights(tuned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []
    for threads in (1, 4):
        monkeypatch.setattr("headway.data.loader.reader_threads", lambda threads=threads: threads)
        torch.manual_seed(threads)
        setup, _ = tuned(2, lr=1e-3, augment=Augment())
        trained.append(copied(setup.model))
    assert same(*trained)


@pytest.mark.slow
def test_minutes_are_used(tuned: Any) -> None:
    """That they are kept is tested with a clock that the test moves, in test_time_budget.py."""
    _, history = tuned(minutes=0.06, lr=1e-3)
    assert history.epochs[0].stage == "head"
    assert len(history) > 2


@pytest.mark.slow
def test_no_time_for_more_than_the_head(tuned: Any) -> None:
    setup, history = tuned(minutes=1e-6)
    alone, _ = tuned(0)
    assert history.notes == ["There was only time to train the head."]
    assert same(copied(setup.model), copied(alone.model))


@pytest.mark.parametrize("two_stages", [True, False])
@pytest.mark.parametrize(
    "plan",
    [
        {"epochs": 2, "minutes": 1.0},
        {"epochs": 0, "minutes": 1.0},
        {"epochs": -1},
        {"minutes": 0.0},
        {"minutes": -1.0},
        {"minutes": float("nan")},
    ],
)
def test_a_plan_that_cannot_work_ends_before_training(
    digits_data: hw.Data, body_head: Make, plan: dict[str, Any], two_stages: bool
) -> None:
    learner = hw.Learner(digits_data, body_head(), two_stages=two_stages, progress=False)
    before = copied(learner.model)
    with pytest.raises(ConfigError):
        learner.fine_tune(**plan)
    assert same(copied(learner.model), before)
    assert not len(learner.history)


def test_from_scratch_trains_every_layer_at_one_rate(body_head: Make, make_setup: MakeSetup) -> None:
    model, history = body_head(), History()
    before = copied(model)
    train_from_scratch(make_setup(model), history, epochs=2)
    assert [each.stage for each in history] == ["all", "all"]
    assert not any(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_no_epochs_from_scratch_are_refused_with_what_they_mean(linear: Make, make_setup: MakeSetup) -> None:
    setup = make_setup(linear())
    with pytest.raises(ConfigError) as caught:
        train_from_scratch(setup, History(), epochs=0)
    assert str(caught.value) == (
        "`epochs=0` trains only the head of a pretrained model; this model is trained from scratch.\n"
        f"  Given: epochs=0 (--epochs 0), {setup.data.input}\n"
        "  Fix:   Pass epochs=1 or more, or leave it out for the recipe's number."
    )


@pytest.mark.slow
def test_from_scratch_for_some_minutes(linear: Make, make_setup: MakeSetup) -> None:
    history = History()
    train_from_scratch(make_setup(linear()), history, minutes=0.02)
    assert len(history) >= 2


def test_from_scratch_takes_a_step_at_least(linear: Make, make_setup: MakeSetup) -> None:
    history = History()
    train_from_scratch(make_setup(linear()), history, minutes=1e-6)
    assert len(history) == 1


@pytest.mark.parametrize("num_train", [1, 10, 100, 500, 1000, 5000, 10**6])
def test_more_rows_need_fewer_epochs(num_train: int) -> None:
    assert 1 <= FINE_TUNE.epochs(num_train) <= FINE_TUNE.epochs(max(num_train // 2, 1)) <= 10
