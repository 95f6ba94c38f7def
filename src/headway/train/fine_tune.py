"""Transfer learning in two stages, and the plan for a number of epochs or minutes.

Stage one solves the head on the frozen body's features. Stage two trains every layer from there, with augmentation
and lower rates for earlier layers. Linear probing first keeps the body's features from being torn apart by a random
head's gradients (Kumar et al. 2022, arXiv:2202.10054).

Whether stage two was worth it is decided on a few training rows that both stages leave aside, never on valid.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headway.data.dataset import Data
from headway.data.loader import Loader
from headway.data.restore import read_again
from headway.errors import ConfigError, TrainingError
from headway.inputs.base import Input
from headway.runs.checkpoint import PLAN, Saved
from headway.train.aside import BreakOff, BrokenOff, is_clearly_lower, set_aside
from headway.train.body_features import ByPart, body_features, frozen_body, mark_of
from headway.train.history import Epoch, History
from headway.train.linear_probe import Head, solve_head
from headway.train.model import is_fixed
from headway.train.objective import calibrated_losses
from headway.train.options import Options, Plan
from headway.train.stage import Setup, fit, score, step_seconds

__all__ = [
    "Features",
    "fine_tune",
    "kept_features",
    "plan_within",
    "recommended",
    "train_from_scratch",
]

# The name of the checkpoint of what stage two answered for the rows set aside, where it was kept.
ASIDE_ANSWERS = "aside"

# Stage two is left out, unless asked for, where the head is right on this share of held-out training rows.
GOOD_ENOUGH = 0.98

# Mirror images and larger photos are used where heads on held-out training rows then have at most this share of the
# loss: an answer takes twice as long with them.
WORTH_LOOKING = 0.98

# The share that features of maps are held back to where heads do better so.
HELD_BACK = 0.3

# Items of a batch that tells how long the body takes for larger ones.
TIMED = 8


@dataclass(frozen=True)
class Features:
    """What the frozen body makes of the items.

    Attributes:
        parts: The features of each part, float32 `[items, features]`.
        rows: The items that they are of, int64 `[items]`.
        held_out: Answers for the training rows, float32 `[items, outputs]`, each by a head that was solved without
            its row; None where no such heads were solved.
        choices: What `solve_head` takes to solve such a head on other rows.
        unseen: Answers for training rows by a model that did not learn from them, and their targets: by the final one
            for the rows set aside, where stage two was kept, else `held_out`; None where there is neither.
        data: The data as they were read for them, which may be larger than they were given.
    """

    parts: Mapping[str, np.ndarray]
    rows: Mapping[str, np.ndarray]
    held_out: np.ndarray | None
    choices: Mapping[str, Any]
    unseen: tuple[np.ndarray, np.ndarray] | None
    data: Data

    @classmethod
    def of(cls, solution: _Solution) -> Features:
        """From stage one's head and what it was solved on, as the data are now."""
        data, by_part, head = solution.setup.data, solution.by_part, solution.head
        held_out = None if head.held_out is None else head.held_out.numpy()
        parts = {name: features.numpy() for name, (features, _) in by_part.items()}
        rows = {name: data.part(name).rows for name in data.parts}
        unseen = None if held_out is None else (held_out, by_part["train"][1].numpy())
        return cls(parts, rows, held_out, head.choices, unseen, data)

    def with_unseen(self, saved: Saved | None) -> Features:
        """Those of a model whose answers for the rows set aside were saved; without, the same."""
        if saved is None:
            return self
        return replace(self, unseen=(saved.tensors["answers"].numpy(), saved.tensors["targets"].numpy()))

    def left(self, data: Data) -> Features:
        """Those of the items that have not been lost since."""
        if not data.lost:
            return self
        is_left = {name: ~np.isin(rows, list(data.lost)) for name, rows in self.rows.items()}
        return replace(
            self,
            parts={name: features[is_left[name]] for name, features in self.parts.items()},
            rows={name: rows[is_left[name]] for name, rows in self.rows.items()},
            held_out=None if self.held_out is None else self.held_out[is_left["train"]],
        )


@dataclass(frozen=True)
class _Solution:
    """Stage one's head, and the features and targets by part that it was solved on."""

    setup: Setup
    by_part: ByPart
    head: Head

    def is_better(self, other: _Solution) -> bool:
        """Whether its loss on held-out training rows is so much lower that a slower model is worth it."""
        return self.loss <= WORTH_LOOKING * other.loss

    @property
    def loss(self) -> float:
        """The log loss of the answers for rows that their heads were solved without."""
        assert self.head.held_out is not None
        return F.nll_loss(self.head.held_out.clamp_min(1e-12).log(), self.by_part["train"][1]).item()


def recommended(setup: Setup, *, two_stages: bool) -> Options:
    """What trains every layer where nothing else is asked for: after stage one, or from random weights."""
    return (setup.fine_tuning if two_stages else setup.recipe).options


def fine_tune(
    setup: Setup,
    history: History,
    *,
    epochs: int | None = None,
    minutes: float | None = None,
    lr: float | None = None,
    options: Options | None = None,
) -> Features:
    """Trains a model that has a `body` and a linear `head` in place, in two stages.

    Args:
        setup: Model, data and what stays the same.
        history: Gets an entry for the head and one for each epoch of stage two, and notes.
        epochs: Epochs of stage two; 0 for the head alone, without mirror images. Left out, by the model's recipe, and
            none where the head is already right on `GOOD_ENOUGH` of the training rows that it was solved without. Only
            epochs that are passed are trained to the end whatever they bring; see `headway.train.aside.BreakOff`.
        minutes: Time for both stages, instead of `epochs`. Stage one is always finished. Photos are read larger where
            there is time to try it and heads do better so.
        lr: Peak learning rate of the last layers in stage two.
        options: How stage two trains. Default: `recommended`.

    Returns:
        The frozen body's features, with the data as the model reads them from now on.

    Raises:
        TrainingError: If the loss becomes NaN or infinite.
    """
    start = time.perf_counter()
    options = options or recommended(setup, two_stages=True)
    until = None if minutes is None else start + 60 * minutes
    solution = _stage_one(setup, history, may_look=epochs != 0, until=until)
    setup, head, features = solution.setup, solution.head, Features.of(solution)
    if is_fixed(setup.model):
        if epochs or minutes:
            history.notes.append("Only the head was trained, and more time changes nothing: the body has no weights.")
        return features
    # None for targets other than classes: of these stage two is never left out by itself.
    right, plan = head.held_out_accuracy or 0.0, None
    may_stop = not epochs
    lr = setup.fine_tuning.lr if lr is None else lr
    if minutes is not None:
        # What stage one took is off the budget.
        plan = plan_within(setup, options, lr, seconds=60 * minutes - (time.perf_counter() - start))
    elif epochs is None and right < GOOD_ENOUGH:
        # Each size needs an epoch.
        epochs = max(setup.fine_tuning.epochs(len(setup.data.train)), len(options.sizes))
    if epochs:
        plan = Plan(epochs=epochs, lr=lr, options=options)
    if plan is not None:
        return features.with_unseen(_stage_two(setup, plan, history, features, head, may_stop=may_stop))
    if minutes is not None:
        history.notes.append("There was only time to train the head.")
    elif epochs is None:
        history.notes.append(
            f"Only the head was trained: it is right on {right:.1%} of held-out training rows, so fine-tuning has "
            "little to gain. To fine-tune anyway, pass epochs (--epochs)."
        )
    return features


def train_from_scratch(
    setup: Setup,
    history: History,
    *,
    epochs: int | None = None,
    minutes: float | None = None,
    lr: float | None = None,
    options: Options | None = None,
) -> None:
    """Trains a model without a head to solve, or without pretrained weights, in place and in one stage.

    The arguments are those of `fine_tune`. Default: `epochs` are at least 1, and those of the model's recipe.
    """
    if epochs == 0:
        what = "`epochs=0` trains only the head of a pretrained model; this model is trained from scratch."
        given = f"epochs=0 (--epochs 0), {setup.data.input}"
        raise ConfigError(what, given=given, fix="Pass epochs=1 or more, or leave it out for the recipe's number.")
    recipe, options = setup.recipe, options or recommended(setup, two_stages=False)
    lr = recipe.lr_with(setup.batch_size) if lr is None else lr
    if minutes is not None:
        # However short the time, a step is taken.
        plan = plan_within(setup, options, lr, seconds=60 * minutes, min_steps=1)
    else:
        epochs = max(recipe.epochs(len(setup.data.train)), len(options.sizes)) if epochs is None else epochs
        plan = Plan(epochs=epochs, lr=lr, options=options)
    assert plan is not None
    fit(setup, plan, history)


def plan_within(setup: Setup, options: Options, lr: float, *, seconds: float, min_steps: int = 0) -> Plan | None:
    """A plan of as many steps as fit into the time, with an evaluation an epoch; None where none fits."""

    def measure() -> Saved:
        if seconds <= 0:
            return Saved(values={"steps": 0, "seconds": 0.0})
        start = time.perf_counter()
        step = step_seconds(setup, options)
        # A twentieth is kept back, as the steps to come may take longer than those that were timed.
        left = 0.95 * (seconds - (time.perf_counter() - start))
        # Evaluation runs forward alone, about a third of a step.
        evaluation = step / 3 * len(setup.data.valid) / len(setup.data.train)
        return Saved(values={"steps": max(int(left / (step + evaluation)), 0), "seconds": max(left, 0.0)})

    # Saved, so that a run that goes on has the plan that it began with.
    measured = setup.checkpoints.piece(PLAN, measure)
    measured = setup.processes.by_writer(lambda: measured).values
    steps = max(measured["steps"], min_steps)
    # Planned by whole epochs; `max_steps` then ends the last one early.
    batches = len(setup.loader(setup.data.train, shuffle=True, accumulate=options.accumulate))
    within = {"max_steps": steps, "max_seconds": measured["seconds"]}
    return Plan(epochs=-(-steps // batches), lr=lr, options=options, **within) if steps else None


def _solved(setup: Setup, history: History, *, may_look: bool, until: float | None) -> _Solution:
    """The head that is best on the features of train; computed once.

    Where it is not `GOOD_ENOUGH`, it is tried held back on the features of maps, with mirror images and, if there is
    time, on larger items. What does better on held-out training rows stays so, and the history says it.
    """
    by_part = body_features(setup)
    best = _Solution(setup, by_part, _head(setup, by_part))
    # Targets other than classes have no accuracy.
    right = 1.0 if best.head.held_out_accuracy is None else best.head.held_out_accuracy
    if right >= GOOD_ENOUGH:
        return best
    return _enlarged(_mirrored(_held_back(best, history), history, may_look), history, until)


def _held_back(best: _Solution, history: History) -> _Solution:
    """With a head that goes by the pooled output more than by the maps before it, if that is better."""
    body, layer = (cast("Any", best.setup.model.get_submodule(name)) for name in ("body", "head"))
    # One that was held back in an earlier call is so already.
    if getattr(body, "num_pooled", None) is None or best.head.held_back is not None:
        return best
    layer.held_back = (body.num_pooled, HELD_BACK)
    other = replace(best, head=_head(best.setup, best.by_part, kept_as="held-back-head"))
    if not other.is_better(best):
        layer.held_back = None
        return best
    history.notes.append(
        "The head goes by the network's last output more than by the maps before it: so heads did better on held-out "
        f"training rows (loss {other.loss:.3g} against {best.loss:.3g})."
    )
    return other


def _mirrored(best: _Solution, history: History, may_look: bool) -> _Solution:
    """With the mean of the features of each item and of its mirror image, if that is better."""
    setup = best.setup
    body, mirror = setup.model.get_submodule("body"), setup.training_view.mirror
    # One that mirrors already, since an earlier call, has nothing to gain.
    if mirror is None or getattr(body, "is_mirrored", True):
        return best
    if not may_look and not setup.checkpoints.has(f"mirrored-head-{mark_of(setup.data.train)}"):
        return best
    mirrored = body_features(replace(setup, prepare=nn.Sequential(setup.prepare, mirror)), kept_as="mirrored")
    means = {name: ((features + mirrored[name][0]) / 2, targets) for name, (features, targets) in best.by_part.items()}
    other = _Solution(setup, means, _head(setup, means, kept_as="mirrored-head"))
    if not other.is_better(best):
        return best
    cast("Any", body).mirror()
    history.notes.append(
        "The model looks at each item and at its mirror image: so its head did better on held-out training rows "
        f"(loss {other.loss:.3g} against {best.loss:.3g})."
    )
    return other


def _enlarged(best: _Solution, history: History, until: float | None) -> _Solution:
    """With the features of the items read larger, and larger again, as long as that is better and ends by `until`."""
    while (setup := _larger(best.setup, until)) is not None:
        side, before = setup.training_view.full_size, best.setup.training_view.full_size
        by_part = body_features(setup, kept_as=f"features-{side}")
        other = _Solution(setup, by_part, _head(setup, by_part, kept_as=f"head-{side}"))
        if not other.is_better(best):
            break
        history.notes.append(
            f"The model looks at {setup.data.input.nouns} of {side} x {side} pixels instead of {before} x {before}: so "
            f"its head did better on held-out training rows (loss {other.loss:.3g} against {best.loss:.3g})."
        )
        best = other
    return best


def _larger(setup: Setup, until: float | None) -> Setup | None:
    """With the items read larger; None where they have no size, the body takes one alone, or there is no time."""
    larger: Input | None = setup.training_view.larger
    if larger is None:
        return None
    side = larger.training_view(setup.data.target).full_size
    assert side is not None
    if until is None and not setup.checkpoints.has(f"size-{side}"):
        return None

    def measure() -> Saved:
        # A quarter more, as they are read, too.
        return Saved(values={"is_in_time": time.perf_counter() + 1.25 * _seconds_at(setup, side) < (until or 0.0)})

    # Saved, so that a run that goes on decides as it did.
    saved = setup.checkpoints.piece(f"size-{side}", measure)
    if not setup.processes.by_writer(lambda: saved).values["is_in_time"]:
        return None
    data = setup.processes.first_here(lambda: read_again(setup.data, larger))
    return None if data is None else setup.reading(data)


def _seconds_at(setup: Setup, side: int) -> float:
    """How long the body takes for all items at another size; infinitely where it cannot."""
    batch = next(iter(Loader(setup.data.train, TIMED))).to(setup.precision.device)
    inputs = setup.precision.layout(F.interpolate(setup.prepare(batch.inputs), size=(side, side)))
    with frozen_body(setup) as body, torch.no_grad(), setup.precision.autocast():
        try:
            body(inputs)
        # Bodies say in many ways that they take one size alone.
        except (RuntimeError, AssertionError, ValueError):
            return math.inf
        start = time.perf_counter()
        body(inputs)
        return (
            (time.perf_counter() - start) / len(inputs) * sum(len(setup.data.part(name)) for name in setup.data.parts)
        )


def _head(setup: Setup, by_part: ByPart, *, kept_as: str = "head") -> Head:
    def solve() -> Saved:
        # By one process: the others would solve the same, and another kind of machine might round otherwise.
        return setup.processes.by_writer(lambda: solve_head(*by_part["train"], **_head_options(setup)).to_saved())

    return Head.from_saved(setup.checkpoints.piece(f"{kept_as}-{mark_of(setup.data.train)}", solve))


def _head_options(setup: Setup) -> dict[str, Any]:
    held_back = getattr(setup.model.get_submodule("head"), "held_back", None)
    return {"target": setup.data.target, "objective": setup.objective, "seed": setup.seed, "held_back": held_back}


def _stage_one(setup: Setup, history: History, *, may_look: bool, until: float | None) -> _Solution:
    start = time.perf_counter()
    solution = _solved(setup, history, may_look=may_look, until=until)
    head = solution.head
    head.put_into(setup.model.get_submodule("head"))
    valid, valid_targets = solution.by_part["valid"]
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
    setup.model.eval()
    return solution


def kept_features(setup: Setup) -> Features | None:
    """What stage one found in a call that was finished before; None where it had no such stage."""
    if not setup.checkpoints.has(f"head-{mark_of(setup.data.train)}"):
        return None
    # What was looked at then is looked at now, and what was told of it is in the notes already.
    solution = _solved(setup, History(), may_look=False, until=None)
    return Features.of(solution).with_unseen(setup.checkpoints.load(ASIDE_ANSWERS))


def _stage_two(
    setup: Setup, plan: Plan, history: History, features: Features, head: Head, *, may_stop: bool
) -> Saved | None:
    """Trains every layer, and keeps the result where it does better than stage one on rows that neither has seen.

    With `may_stop` it is broken off halfway where it does clearly worse.

    Returns:
        What the result answers for those rows, and their targets; None where it was not kept.
    """
    model, train = setup.model, setup.data.train
    # With stage one's head, which is what is left if stage two does not do better.
    before = copy.deepcopy(model.state_dict())
    inputs, targets = torch.from_numpy(features.parts["train"]), torch.from_numpy(train.targets)
    inside, aside = set_aside(train, setup.seed, most=setup.fine_tuning.most_aside)
    seen = torch.isin(torch.from_numpy(train.rows), torch.from_numpy(inside.rows))
    # The head that starts stage two and is compared with it has not seen the rows set aside either.
    # With the weight decay that folds of all rows chose: one number, which a tenth of the rows hardly moves.
    options = {**_head_options(setup), "decays": (head.weight_decay,)}
    blind = setup.processes.by_writer(lambda: solve_head(inputs[seen], targets[seen], **options))
    blind.put_into(model.get_submodule("head"))
    # An overconfident network may be right more often: each side is judged at the temperature that is best for it.
    head_losses = calibrated_losses(blind(inputs[~seen]), targets[~seen], objective=setup.objective)

    def losses_of(module: nn.Module) -> torch.Tensor:
        return calibrated_losses(*setup.outputs(module, aside), objective=setup.objective)

    callbacks, first_entry = (*setup.callbacks, BreakOff(losses_of, head_losses)), len(history)
    try:
        fit(replace(setup, callbacks=callbacks) if may_stop else setup, plan, history, part=inside)
    except (TrainingError, BrokenOff) as end:
        model.load_state_dict(before)
        if isinstance(end, BrokenOff):
            setup.forget(history, first_entry)
        history.notes.append(_ended(setup, end, head_losses))
        return None
    outputs, aside_targets = setup.outputs(model, aside)
    losses = calibrated_losses(outputs, aside_targets, objective=setup.objective)
    compared = _compared(setup, losses, head_losses)
    if is_clearly_lower(losses, head_losses):
        history.notes.append(f"Fine-tuning did better than the head alone ({compared}) and was kept.")
        answers = setup.objective.activate(outputs)
        return setup.checkpoints.piece(ASIDE_ANSWERS, lambda: Saved({"answers": answers, "targets": aside_targets}))
    model.load_state_dict(before)
    history.notes.append(f"Fine-tuning did not do clearly better than the head alone ({compared}): the head was kept.")
    return None


def _ended(setup: Setup, end: TrainingError | BrokenOff, head_losses: torch.Tensor) -> str:
    """Why stage two did not come to its end."""
    if isinstance(end, TrainingError):
        return "Fine-tuning diverged (the loss became NaN); the head alone was kept. Try a lower lr."
    return (
        f"Fine-tuning did clearly worse than the head alone after {end.step} of {end.total_steps} steps "
        f"({_compared(setup, end.losses, head_losses)}): it was broken off, and the head was kept. To train to the end "
        "anyway, pass epochs (--epochs)."
    )


def _compared(setup: Setup, losses: torch.Tensor, head_losses: torch.Tensor) -> str:
    scaled = ", after temperature scaling" if setup.objective.temperatures else ""
    return f"loss {losses.mean():.3g} against {head_losses.mean():.3g} on {len(losses)} held-out training rows{scaled}"
