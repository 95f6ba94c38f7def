"""A stage that is to end in time: planned before it starts, and shortened when its steps take longer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from headway.train.callbacks import Callback

if TYPE_CHECKING:
    from headway.train.callbacks import BatchResult, TrainState
    from headway.train.history import Epoch

__all__ = ["Pace"]


class Pace(Callback):
    """Shortens a stage whose steps and evaluations take longer than there is time for.

    `batches` are those of an epoch.
    """

    def __init__(self, seconds: float, *, batches: int) -> None:
        self.seconds, self.batches = seconds, batches
        self.spent, self.evaluated, self.evaluation = 0.0, 0.0, 0.0
        self.at = time.monotonic()

    def on_train_begin(self, state: TrainState) -> None:
        """Starts the clock."""
        self.at = time.monotonic()

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        """Plans fewer steps where those that are left would take too long."""
        now = time.monotonic()
        self.spent, self.at = self.spent + now - self.at, now
        step = self.spent / state.step
        # Each step carries its share; until one has been seen, an evaluation is taken for a tenth of its epoch.
        evaluation = self.evaluation / self.batches or step / 10
        left = self.seconds - self.spent - self.evaluated
        # Never more again: the learning rate has begun to fall towards the earlier end.
        steps = max(int(left / (step + evaluation)), 0)
        # Each process has its own clock, and all must take the same steps.
        steps = state.processes.by_writer(lambda: steps)
        state.total_steps = min(state.total_steps, state.step + steps)

    def on_epoch_end(self, state: TrainState, epoch: Epoch) -> None:
        """Measures the evaluation."""
        now = time.monotonic()
        self.evaluation, self.at = now - self.at, now
        self.evaluated += self.evaluation

    def state_dict(self) -> dict[str, Any]:
        """The times so far, in seconds."""
        return {"spent": self.spent, "evaluated": self.evaluated, "evaluation": self.evaluation}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        """Takes back what `state_dict` gave."""
        self.spent, self.evaluated, self.evaluation = (values[name] for name in ("spent", "evaluated", "evaluation"))
