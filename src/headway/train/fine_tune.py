"""Transfer learning in two stages, and the plan for a number of epochs or minutes.

Stage one solves the head on the frozen body's features. Stage two trains every layer from there, with augmentation
and lower rates for earlier layers. Linear probing first keeps the body's features from being torn apart by a random
head's gradients (Kumar et al. 2022, arXiv:2202.10054).

Whether stage two was worth it is decided on a few training rows that both stages leave aside, never on valid.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from headway.data.dataset import Part
from headway.data.splits import RandomSplit
from headway.errors import ConfigError, TrainingError, explain
from headway.train.features import Head, solve_head
from headway.train.fit import Plan, Setup, fit, score, step_seconds
from headway.train.history import Epoch, History

__all__ = ["Features", "check_plan", "default_epochs", "fine_tune", "train_from_scratch"]

VIEWS = 600
"""Stage two sees about so many training images, each epoch counting anew, when nothing else is asked for."""

MAX_EPOCHS = 5

GOOD_ENOUGH = 0.98
"""Stage two is left out, unless asked for, where the head is right on this share of held-out training rows."""

ASIDE = 0.1
MIN_ASIDE = 50
MAX_ASIDE = 1000
DEFAULT_LR = 3e-4
SCRATCH_VIEWS = 64_000
SCRATCH_LR = 1e-2
LR_DECAY = 0.3


@dataclass(frozen=True)
class Features:
    """The frozen body's features of each part, kept for baselines: float32 `[items, features]`."""

    parts: Mapping[str, np.ndarray]


def default_epochs(num_train: int) -> int:
    """Epochs of stage two for a number of training rows: the more rows, the fewer."""
    return min(max(round(VIEWS / num_train), 1), MAX_EPOCHS)


def fine_tune(
    setup: Setup, history: History, *, epochs: int | None = None, minutes: float | None = None, lr: float | None = None
) -> Features:
    """Trains the model in place, in two stages.

    Args:
        setup: Model, data and what stays the same; the model has a `body` and a linear `head`.
        history: Gets an entry for the head and one for each epoch of stage two, and notes.
        epochs: Epochs of stage two; 0 for the head alone. Left out, by `default_epochs`, and none where the head is
            already right on `GOOD_ENOUGH` of the training rows that it was solved without.
        minutes: Time for both stages, instead of `epochs`. Stage one is always finished.
        lr: Peak learning rate of the last layers in stage two.

    Returns:
        The frozen body's features.

    Raises:
        ConfigError: If both `epochs` and `minutes` are given, or one of them is out of its range.
        TrainingError: If the loss is no longer a number.
    """
    start = time.perf_counter()
    check_plan(epochs=epochs, minutes=minutes, lr=lr)
    data = setup.data
    features, head = _stage_one(setup, history)
    steps = sys.maxsize
    if minutes is not None:
        left = 60 * minutes - (time.perf_counter() - start)
        steps = _steps_within(setup, left, freeze_norm=True)
        epochs = -(-steps // len(setup.loader(data.train, shuffle=True)))
        if not epochs:
            history.notes.append("There was time for the head alone.")
    elif epochs is None:
        right = head.held_out_accuracy or 0.0
        epochs = 0 if right >= GOOD_ENOUGH else default_epochs(len(data.train))
        if not epochs:
            history.notes.append(
                f"The head alone was trained: it is right on {right:.1%} of training rows that it was solved without, "
                "so training every layer has little to gain. Ask for it with epochs (--epochs)."
            )
    if not epochs:
        return features
    plan = Plan(
        epochs=epochs, lr=DEFAULT_LR if lr is None else lr, lr_decay=LR_DECAY, freeze_norm=True, max_steps=steps
    )
    _stage_two(setup, plan, history, features, head)
    return features


def train_from_scratch(
    setup: Setup, history: History, *, epochs: int | None = None, minutes: float | None = None, lr: float | None = None
) -> None:
    """Trains a model without pretrained weights in place, every layer at the same rate.

    Args:
        setup: Model, data and what stays the same.
        history: Gets an entry an epoch.
        epochs: Passes over the training rows, at least 1; by their number when left out.
        minutes: Time to take, instead of `epochs`.
        lr: Peak learning rate.

    Raises:
        ConfigError: If both `epochs` and `minutes` are given, or one of them is out of its range.
        TrainingError: If the loss is no longer a number.
    """
    check_plan(epochs=epochs, minutes=minutes, lr=lr)
    steps = sys.maxsize
    if minutes is not None:
        steps = max(_steps_within(setup, 60 * minutes, freeze_norm=False), 1)
        epochs = -(-steps // len(setup.loader(setup.data.train, shuffle=True)))
    elif epochs is None:
        epochs = min(max(round(SCRATCH_VIEWS / len(setup.data.train)), 5), 40)
    plan = Plan(epochs=epochs, lr=SCRATCH_LR if lr is None else lr, weight_decay=0.05, max_steps=steps)
    fit(setup, plan, history)


def _stage_one(setup: Setup, history: History) -> tuple[Features, Head]:
    start = time.perf_counter()
    model, data = setup.model, setup.data
    body, linear = model.get_submodule("body"), model.get_submodule("head")
    assert isinstance(linear, torch.nn.Linear)
    found = {name: setup.outputs(body, data.part(name)) for name in data.parts}
    head = solve_head(*found["train"], num_classes=data.target.num_outputs, seed=setup.seed)
    head.put_into(linear)
    valid, valid_targets = found["valid"]
    valid_loss, metrics = score(setup, head(valid), valid_targets)
    entry = Epoch(
        stage="head",
        epoch=1,
        train_loss=head.train_loss,
        valid_loss=valid_loss,
        metrics=metrics,
        lr=None,
        seconds=time.perf_counter() - start,
    )
    setup.record(history, entry)
    return Features({name: features.numpy() for name, (features, _) in found.items()}), head


def _stage_two(setup: Setup, plan: Plan, history: History, found: Features, head: Head) -> None:
    """Trains every layer, and keeps the result where it does better than stage one on rows that neither has seen."""
    model, data = setup.model, setup.data
    linear = model.get_submodule("head")
    assert isinstance(linear, torch.nn.Linear)
    before = copy.deepcopy(model.state_dict())
    features, targets = torch.from_numpy(found.parts["train"]), torch.from_numpy(data.train.targets)
    inside, aside = _set_aside(data.train, setup.seed)
    seen = torch.isin(torch.from_numpy(data.train.rows), torch.from_numpy(inside.rows))
    blind = solve_head(
        features[seen], targets[seen], num_classes=data.target.num_outputs, seed=setup.seed, decays=(head.weight_decay,)
    )
    head_loss, _ = score(setup, blind(features[~seen]), targets[~seen])
    blind.put_into(linear)
    try:
        fit(setup, plan, history, part=inside)
    except TrainingError:
        model.load_state_dict(before)
        history.notes.append(
            "Training every layer lost its way (the loss is no number); the head was kept. Try a lower lr."
        )
        return
    all_loss, _ = score(setup, *setup.outputs(model, aside))
    compared = f"log loss {all_loss:.3g} against {head_loss:.3g} on {len(aside)} training rows that neither had seen"
    if all_loss < head_loss:
        history.notes.append(f"Training every layer did better than the head alone ({compared}) and was kept.")
        return
    model.load_state_dict(before)
    history.notes.append(f"Training every layer did not do better than the head alone ({compared}): the head was kept.")


def _set_aside(part: Part, seed: int) -> tuple[Part, Part]:
    """A part in two, stratified, identical items together: what trains, and what judges the stages."""
    count = len(part)
    share = min(max(ASIDE, min(MIN_ASIDE / count, 0.25)), MAX_ASIDE / count if count > MAX_ASIDE else 1)
    sides = RandomSplit(share, seed=seed).assign(part.items, target=part.data.target.column)
    is_inside = [side == "train" for side in sides]
    return (
        Part(part.data, part.name, part.items.filter(is_inside)),
        Part(part.data, part.name, part.items.filter([not each for each in is_inside])),
    )


def _steps_within(setup: Setup, seconds: float, *, freeze_norm: bool) -> int:
    """How many steps of stage two fit, with an evaluation an epoch and some room for what cannot be foreseen."""
    if seconds <= 0:
        return 0
    start = time.perf_counter()
    step = step_seconds(setup, freeze_norm=freeze_norm)
    left = 0.8 * (seconds - (time.perf_counter() - start))
    # Evaluation runs forward alone, about a third of a step.
    evaluation = step / 3 * len(setup.data.valid) / len(setup.data.train)
    return max(int(left / (step + evaluation)), 0)


def check_plan(*, epochs: int | None, minutes: float | None, lr: float | None) -> None:
    """Checks what was asked for, before any work.

    Raises:
        ConfigError: If both `epochs` and `minutes` are given, or a value is out of its range.
    """
    given = f"epochs={epochs}, minutes={minutes}, lr={lr}"
    if epochs is not None and minutes is not None:
        what = "A run is planned by epochs or by minutes, not by both."
        raise ConfigError(explain(what, given=given, fix="Drop one."))
    ranges = (
        epochs is None or (int(epochs) == epochs and epochs >= 0),
        minutes is None or 0 < minutes < float("inf"),
        lr is None or 0 < lr < float("inf"),
    )
    if not all(ranges):
        what = "`epochs` must be a whole number from 0, `minutes` and `lr` above 0."
        raise ConfigError(explain(what, given=given, fix="Leave them out for a good choice."))
