"""What may be done around the steps of training without touching the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headway.data.loader import Batch
    from headway.train.history import Epoch
    from headway.train.state import BatchResult, TrainState

__all__ = ["Callback"]


class Callback:
    """Called by the loop; every method does nothing unless a subclass says otherwise.

    Callbacks run in the order of their list and never reach into one another. One that wants training to end sets
    `state.stop_training = True`. One that remembers something from step to step gives it in `state_dict`, or a run
    that was stopped and goes on would not end where it would have ended.

    Example:
        >>> class StopEarly(Callback):
        ...     def on_epoch_end(self, state, epoch):
        ...         state.stop_training = epoch.metrics["accuracy"] > 0.99
    """

    def on_train_begin(self, state: TrainState) -> None:
        """Before the first epoch of a stage."""

    def on_epoch_begin(self, state: TrainState) -> None:
        """Before an epoch; `state.epoch` counts from 0."""

    def on_batch_begin(self, state: TrainState, batch: Batch) -> None:
        """Before a step, the batch as it was read."""

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        """After a step."""

    def on_epoch_end(self, state: TrainState, epoch: Epoch) -> None:
        """After an epoch and its evaluation."""

    def on_train_end(self, state: TrainState) -> None:
        """After the last epoch of a stage."""

    def state_dict(self) -> dict[str, Any]:
        """What it remembers, as plain JSON values, for a checkpoint."""
        return {}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        """Takes back what `state_dict` gave."""
