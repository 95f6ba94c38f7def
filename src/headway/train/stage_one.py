"""Stage one: the best head on the frozen body's features, and what else the model does where heads do better so.

Whether something does better is decided on training rows, by heads that were solved without them.
"""

from __future__ import annotations

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
from headway.inputs.base import Input
from headway.runs.checkpoint import Saved
from headway.train.body_features import ByPart, body_features, frozen_body, mark_of
from headway.train.counts import Counts, count, counter_of, scores_of
from headway.train.history import Epoch, History
from headway.train.linear_probe import Head, solve_head
from headway.train.stage import Setup, score

__all__ = ["GOOD_ENOUGH", "HELD_BACK", "Features", "Solution", "head_options", "solve", "solved"]

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
    def of(cls, solution: Solution) -> Features:
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
class Solution:
    """Stage one's head, the features and targets by part that it was solved on, and counts whose scores it adds."""

    setup: Setup
    by_part: ByPart
    head: Head
    counts: Counts | None = None

    def is_better(self, other: Solution) -> bool:
        """Whether its loss on held-out training rows is so much lower that a slower model is worth it."""
        return self.loss <= WORTH_LOOKING * other.loss

    @property
    def loss(self) -> float:
        """The log loss of the answers for rows that their heads were solved without."""
        assert self.head.held_out is not None
        return F.nll_loss(self.head.held_out.clamp_min(1e-12).log(), self.by_part["train"][1]).item()


def solve(setup: Setup, history: History, *, may_look: bool, until: float | None) -> Solution:
    """Puts the best head into the model, which is fitted in place, and adds its entry to the history.

    Args:
        setup: Model, data and what stays the same.
        history: Gets the entry, and notes.
        may_look: Whether mirror images are tried.
        until: By when larger items must have been tried, as `time.perf_counter` counts; None: they are not tried.
    """
    start = time.perf_counter()
    solution = solved(setup, history, may_look=may_look, until=until)
    head = solution.head
    head.put_into(setup.model.get_submodule("head"))
    valid, valid_targets = solution.by_part["valid"]
    outputs = head(valid)
    if solution.counts:
        solution.counts.put_into(setup.model)
        outputs = outputs + scores_of(setup.model, setup.data.valid)
    valid_loss, metrics = score(setup, outputs, valid_targets)
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


def solved(setup: Setup, history: History, *, may_look: bool, until: float | None) -> Solution:
    """The head that is best on the features of train; computed once.

    Where it is not `GOOD_ENOUGH`, it is tried held back on the features of maps, with mirror images, if there is time
    on larger items, and with scores that are counted. What does better on held-out training rows stays so, and the
    history says it.
    """
    by_part = body_features(setup)
    best = Solution(setup, by_part, _head(setup, by_part))
    # Targets other than classes have no accuracy.
    right = 1.0 if best.head.held_out_accuracy is None else best.head.held_out_accuracy
    if right >= GOOD_ENOUGH:
        return best
    best = _enlarged(_mirrored(_held_back(best, history), history, may_look), history, until)
    return _scored(best, history)


def _held_back(best: Solution, history: History) -> Solution:
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


def _mirrored(best: Solution, history: History, may_look: bool) -> Solution:
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
    other = Solution(setup, means, _head(setup, means, kept_as="mirrored-head"))
    if not other.is_better(best):
        return best
    cast("Any", body).mirror()
    history.notes.append(
        "The model looks at each item and at its mirror image: so its head did better on held-out training rows "
        f"(loss {other.loss:.3g} against {best.loss:.3g})."
    )
    return other


def _enlarged(best: Solution, history: History, until: float | None) -> Solution:
    """With the features of the items read larger, and larger again, as long as that is better and ends by `until`."""
    while (setup := _larger(best.setup, until)) is not None:
        side, before = setup.training_view.full_size, best.setup.training_view.full_size
        by_part = body_features(setup, kept_as=f"features-{side}")
        other = Solution(setup, by_part, _head(setup, by_part, kept_as=f"head-{side}"))
        if not other.is_better(best):
            break
        history.notes.append(
            f"The model looks at {setup.data.input.nouns} of {side} x {side} pixels instead of {before} x {before}: so "
            f"its head did better on held-out training rows (loss {other.loss:.3g} against {best.loss:.3g})."
        )
        best = other
    return best


def _scored(best: Solution, history: History) -> Solution:
    """With the scores that the body's counter counts added to the head's outputs, if that is better."""
    setup, answers, counter = best.setup, best.head.held_out, counter_of(best.setup.model)
    counts = None if answers is None else count(setup.model, setup.data.train, seed=setup.seed)
    if counts is None or answers is None:
        return best
    answers = setup.objective.activate(answers.clamp_min(1e-12).log() + counts.held_out)
    other = replace(best, head=replace(best.head, held_out=answers), counts=counts)
    # What became of it is known by the module, as the file of a peeled run says it.
    counter.scores_head = other.is_better(best)
    if not counter.scores_head:
        return best
    history.notes.append(
        "The head's answers go by how often each token is in each class, too (naive Bayes): so heads did better on "
        f"held-out training rows (loss {other.loss:.3g} against {best.loss:.3g})."
    )
    return other


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
        return setup.processes.by_writer(lambda: solve_head(*by_part["train"], **head_options(setup)).to_saved())

    return Head.from_saved(setup.checkpoints.piece(f"{kept_as}-{mark_of(setup.data.train)}", solve))


def head_options(setup: Setup) -> dict[str, Any]:
    """What `solve_head` takes besides features, targets and weight decays."""
    held_back = getattr(setup.model.get_submodule("head"), "held_back", None)
    return {"target": setup.data.target, "objective": setup.objective, "seed": setup.seed, "held_back": held_back}
