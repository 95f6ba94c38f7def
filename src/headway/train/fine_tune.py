"""Transfer learning in two stages, and the plan for a number of epochs or minutes.

Stage one solves the head on the frozen body's features. Stage two trains every layer from there, with augmentation
and lower rates for earlier layers. Linear probing first keeps the body's features from being torn apart by a random
head's gradients (Kumar et al. 2022, arXiv:2202.10054).

Whether stage two was worth it is decided on a few training rows that both stages leave aside, never on valid.
"""

from __future__ import annotations

import copy
import time
from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import nn

from headway.data.dataset import Part
from headway.errors import ConfigError, TrainingError
from headway.runs.checkpoint import PLAN, Saved
from headway.train import stage_one
from headway.train.aside import BreakOff, BrokenOff, is_clearly_lower, set_aside
from headway.train.body_features import mark_of
from headway.train.counts import count, forget_counts, judged
from headway.train.cross_fitting import FoldHeads, cross_fitting, is_cross_fitting, solve_fold_heads
from headway.train.history import History
from headway.train.linear_probe import Head, solve_head
from headway.train.model import is_fixed
from headway.train.options import Options, Plan
from headway.train.stage import Setup, fit, step_seconds
from headway.train.stage_one import Features, head_options, solve, solved

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
    forget_counts(setup.model)
    until = None if minutes is None else start + 60 * minutes
    solution = solve(setup, history, may_look=epochs != 0, until=until)
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
    elif epochs is None and right < stage_one.GOOD_ENOUGH:
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


def kept_features(setup: Setup) -> Features | None:
    """What stage one found in a call that was finished before; None where it had no such stage."""
    if not setup.checkpoints.has(f"head-{mark_of(setup.data.train)}"):
        return None
    # What was looked at then is looked at now, and what was told of it is in the notes already.
    solution = solved(setup, History(), may_look=False, until=None)
    return Features.of(solution).with_unseen(setup.checkpoints.load(ASIDE_ANSWERS))


def _stage_two(
    setup: Setup, plan: Plan, history: History, features: Features, head: Head, *, may_stop: bool
) -> Saved | None:
    """Trains every layer, and keeps the result where it does better than stage one on rows that neither has seen.

    With `may_stop` it is broken off halfway where it does clearly worse.

    Returns:
        What the result answers for those rows, and their targets; None where it was not kept.
    """
    model = setup.model
    # With stage one's head, which is what is left if stage two does not do better.
    before = copy.deepcopy(model.state_dict())
    inside, aside = set_aside(setup.data.train, setup.seed, most=setup.fine_tuning.most_aside)
    heads, head_outputs, targets = _start(setup, inside, features, head)
    counts = count(model, inside, seed=setup.seed)
    scores = counts.scores(model, aside) if counts else None
    # The weights train without any scores, as those of the rows that they train on would be too sure.
    forget_counts(model)
    # An overconfident network may be right more often: each side is judged at the temperature that is best for it, and
    # with the scores where it does better so.
    head_losses, _ = judged(head_outputs, targets, scores, objective=setup.objective)

    def losses_of(module: nn.Module) -> torch.Tensor:
        return judged(*setup.outputs(module, aside), scores, objective=setup.objective)[0]

    callbacks, first_entry = (*setup.callbacks, BreakOff(losses_of, head_losses)), len(history)
    try:
        with nullcontext() if heads is None else cross_fitting(model, heads):
            fit(replace(setup, callbacks=callbacks) if may_stop else setup, plan, history, part=inside)
    except (TrainingError, BrokenOff) as end:
        model.load_state_dict(before)
        if isinstance(end, BrokenOff):
            setup.forget(history, first_entry)
        history.notes.append(_ended(setup, end, head_losses))
        return None
    outputs, targets = setup.outputs(model, aside)
    losses, is_scored = judged(outputs, targets, scores, objective=setup.objective)
    compared = _compared(setup, losses, head_losses)
    if is_clearly_lower(losses, head_losses):
        history.notes.append(f"Fine-tuning did better than the head alone ({compared}) and was kept.")
        if counts is not None and scores is not None and is_scored:
            counts.put_into(model)
            outputs = outputs + scores
            history.notes.append("Its answers go by how often each token is in each class, too (naive Bayes).")
        answers = setup.objective.activate(outputs)
        return setup.checkpoints.piece(ASIDE_ANSWERS, lambda: Saved({"answers": answers, "targets": targets}))
    model.load_state_dict(before)
    history.notes.append(f"Fine-tuning did not do clearly better than the head alone ({compared}): the head was kept.")
    return None


def _start(
    setup: Setup, inside: Part, features: Features, head: Head
) -> tuple[FoldHeads | None, torch.Tensor, torch.Tensor]:
    """Puts the head into the model that starts stage two and is compared with it, solved without the rows set aside.

    Returns:
        The heads of folds that the body trains by, where the recipe says so; what the head gives for the rows set
        aside; and their targets.
    """
    train = setup.data.train
    inputs, targets = torch.from_numpy(features.parts["train"]), torch.from_numpy(train.targets)
    seen = torch.isin(torch.from_numpy(train.rows), torch.from_numpy(inside.rows))
    # With the weight decay that folds of all rows chose: one number, which a tenth of the rows hardly moves.
    options = {**head_options(setup), "decays": (head.weight_decay,)}

    def solve() -> tuple[Head, FoldHeads | None]:
        blind = solve_head(inputs[seen], targets[seen], **options)
        if not is_cross_fitting(setup.model, setup.fine_tuning):
            return blind, None
        return blind, solve_fold_heads(inputs[seen], targets[seen], inside.rows, **options)

    blind, heads = setup.processes.by_writer(solve)
    blind.put_into(setup.model.get_submodule("head"))
    return heads, blind(inputs[~seen]), targets[~seen]


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
