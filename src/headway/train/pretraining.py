"""Pretraining that goes on: a body learns from the user's own items, whose targets it does not see.

A kind of input says what is hidden of an item and what answers for it (`Input.pretraining`); the loop is that of any
other stage.

Source:
    Gururangan et al. 2020, arXiv:2004.10964 (task-adaptive pretraining); Howard and Ruder 2018, arXiv:1801.06146.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np
import polars as pl
import torch
from torch import nn

from headway.data.dataset import Data
from headway.data.loader import Batch
from headway.seeds import generator
from headway.train.fine_tune import plan_within
from headway.train.history import History, Stage
from headway.train.loop import evaluating
from headway.train.objective import Loss
from headway.train.options import Options, Plan
from headway.train.progress import Progress
from headway.train.recipe import Recipe
from headway.train.stage import PLAIN, Setup, fit

__all__ = ["Hide", "Pretraining", "pretrain"]

# Of the items, to see whether the body learns more than to know them by heart.
_HELD_OUT, _MAX_HELD_OUT = 0.05, 1_000


class Hide(Protocol):
    """Hides something of each item of a batch; the same numbers hide the same."""

    def __call__(
        self, inputs: torch.Tensor, *, rows: np.ndarray, seed: int, epoch: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What the module is given of the prepared inputs, and what it must answer; of epoch 0 where it is judged."""
        ...


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """How a body learns from items without targets.

    Attributes:
        module: The body, as `body`, and a `head` that answers for what was hidden.
        hide: What hides it.
        loss_fn: The module's outputs and what `hide` says they must be to the mean loss.
        recipe: How the module is trained.
    """

    module: nn.Module
    hide: Hide
    loss_fn: Loss
    recipe: Recipe


def pretrain(
    setup: Setup, pretraining: Pretraining, history: History, *, epochs: int | None, minutes: float | None
) -> None:
    """Trains the module in place, on the training rows and on those without a target; rows of valid and test stay out.

    Args:
        setup: That of the model whose body it is.
        pretraining: What is hidden, and what answers.
        history: Gets an entry an epoch, with the loss on items that are held out of these rows.
        epochs: Passes over the rows. Default: by the recipe.
        minutes: Time to take, instead of `epochs`.

    Raises:
        TrainingError: If the loss becomes NaN or infinite.
    """
    recipe = pretraining.recipe
    changed = {
        "model": pretraining.module.to(setup.precision.device),
        "data": _items_alone(setup),
        "objective": replace(setup.objective, loss_fn=pretraining.loss_fn),
        # An entry has no metric of the target, which callbacks of the user's may ask for.
        "callbacks": [callback for callback in setup.callbacks if isinstance(callback, Progress)],
        "on_entry": lambda _: None,
    }
    hiding = _Hiding(**_fields(setup) | changed, pretraining=pretraining)
    if minutes is not None:
        plan = plan_within(hiding, recipe.options, recipe.lr, seconds=60 * minutes, min_steps=1)
        assert plan is not None
    else:
        epochs = recipe.epochs(len(hiding.data.train)) if epochs is None else epochs
        plan = Plan(epochs=epochs, lr=recipe.lr, options=recipe.options)
    fit(hiding, plan, history)


def _items_alone(setup: Setup) -> Data:
    """The training rows and those without a target, some of them held out as valid."""
    data = setup.data
    rows = pl.concat([data.train.items, data.unlabelled], how="diagonal_relaxed").sort("row")
    num_valid = min(max(round(_HELD_OUT * len(rows)), 1), _MAX_HELD_OUT)
    parts = np.full(len(rows), "train", dtype=object)
    parts[generator(setup.seed, "mask").permutation(len(rows))[:num_valid]] = "valid"
    items = rows.with_columns(pl.Series("split", parts.tolist(), dtype=pl.String))
    known: dict[str, Any] = {**_fields(data), "items": items}
    return _ItemsAlone(**known)


def _fields(thing: Any) -> dict[str, Any]:
    return {field.name: getattr(thing, field.name) for field in fields(thing)}


class _ItemsAlone(Data):
    """Items whose targets nobody asks for."""

    @cached_property
    def placed(self) -> np.ndarray:
        return np.zeros(len(self.items), dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class _Hiding(Setup):
    """A setup in which batches come with something hidden."""

    stage: ClassVar[Stage] = "adapt"
    pretraining: Pretraining

    def augmented(
        self, batch: Batch, epoch: int, *, options: Options = PLAIN, size: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        # Epoch 0 is for judging, in which the same is hidden each time.
        return self._hidden(batch, epoch + 1)

    def judged(self) -> tuple[float, dict[str, float]]:
        made = []
        with evaluating(self.model):
            for batch in self.loader(self.data.valid):
                with torch.inference_mode(), self.precision.autocast():
                    inputs, targets = self._hidden(batch.to(self.precision.device), 0)
                    outputs = self.model(self.precision.layout(inputs)).float()
                made.append((self.objective.loss_fn(outputs, targets).item() * len(targets), len(targets)))
        losses, counts = self.every(made)
        return sum(losses) / max(sum(counts), 1), {}

    def _hidden(self, batch: Batch, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.pretraining.hide(self.prepare(batch.inputs), rows=batch.rows, seed=self.seed, epoch=epoch)
