"""Pretraining on one's own items before their targets are learned, and what it brought: see `Learner.adapt`."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import torch

from headway.data.dataset import Part
from headway.errors import ConfigError
from headway.judge.intervals import INTERVAL
from headway.judge.significance import compare_numbers, compare_right
from headway.learner.restore import Call
from headway.runs.checkpoint import Saved
from headway.seeds import generator, torch_seed
from headway.train.history import Epoch, History
from headway.train.linear_probe import solve_head
from headway.train.pretraining import Pretraining, pretrain
from headway.train.stage import Setup

__all__ = ["adapt", "pretraining_of"]

# Training rows that say what it brought, at most: two passes over them.
_COMPARED = 2_000

_EPOCHS = "adapted"


def pretraining_of(setup: Setup, *, epochs: int | None) -> Pretraining:
    """How the model's body goes on being pretrained.

    Raises:
        ConfigError: If it cannot, or there are 0 epochs.
    """
    if epochs == 0:
        what, fix = "`adapt` needs at least one epoch.", "Leave out `adapt`, or pass epochs=1."
        raise ConfigError(what, given="epochs=0", fix=fix)
    # The parts that are new begin with random weights.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(setup.seed, "mask"))
        pretraining = setup.data.input.pretraining(setup.model)
    if pretraining is None:
        what = "`adapt` needs a pretrained encoder of texts, or a convolutional network of series."
        given = f"{setup.data.input}, {type(setup.model).__name__}"
        raise ConfigError(
            what, given=given, fix="Leave it out, or choose an `arch`: minilm for texts, inception_time for series."
        )
    return pretraining


def adapt(
    call: Call,
    pretraining: Pretraining,
    history: History,
    adapted: History,
    *,
    epochs: int | None,
    minutes: float | None,
) -> None:
    """Pretrains; `adapted` gets the epochs, `history` the sentence on what it brought."""
    setup, checkpoints = call.setup, call.setup.checkpoints
    if call.is_done:
        saved = checkpoints.load(_EPOCHS)
        adapted.epochs += [Epoch(**values) for values in saved.values["epochs"]] if saved else []
        return
    first = len(adapted)
    before = checkpoints.piece("before", lambda: _scores(setup)).tensors["scores"].numpy()
    pretrain(setup, pretraining, adapted, epochs=epochs, minutes=minutes)
    history.notes.append(_sentence(setup, before, _scores(setup).tensors["scores"].numpy()))
    checkpoints.save(_EPOCHS, Saved(values={"epochs": [asdict(entry) for entry in adapted.epochs[first:]]}))


def _scores(setup: Setup) -> Saved:
    """How good the answers of heads are for training rows that they were solved without, float32 `[rows]`."""
    train = setup.data.train
    chosen = np.sort(generator(setup.seed, "mask", step=1).permutation(len(train))[:_COMPARED])
    part = Part(train.data, train.name, train.items[chosen])
    features, targets = setup.outputs(setup.model.get_submodule("body"), part)
    target = setup.data.target
    head = solve_head(features, targets, target=target, objective=setup.objective, seed=setup.seed)
    assert head.held_out is not None
    if target.is_one_class:
        return Saved({"scores": (head.held_out.argmax(dim=1) == targets).float()})
    return Saved({"scores": (head.held_out - targets).abs().reshape(len(targets), -1).mean(dim=1)})


def _sentence(setup: Setup, before: np.ndarray, after: np.ndarray) -> str:
    """What pretraining brought, by a linear head on the frozen body before and after it."""
    if setup.data.target.is_one_class:
        measure, gain = "an accuracy", compare_right(after, before, seed=setup.seed).difference
    else:
        measure, gain = "a mean absolute error", compare_numbers(after, before, seed=setup.seed).difference
    unlabelled = len(setup.data.unlabelled)
    count = f"{len(setup.data.train) + unlabelled:,} {setup.data.input.nouns}, {unlabelled:,} of them"
    return (
        f"Pretraining went on with {count} without a target. On folds of {len(before):,} training rows, a head on the "
        f"frozen body has {measure} of {before.mean():.3f} before and {after.mean():.3f} after it: {gain.value:+.3f} "
        f"({INTERVAL} {gain.low:+.3f} to {gain.high:+.3f})."
    )
