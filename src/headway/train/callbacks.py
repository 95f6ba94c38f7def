"""What may be done around the steps of training without touching the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from headway.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from headway.data.loader import Batch
    from headway.train.history import Epoch
    from headway.train.state import BatchResult, TrainState

__all__ = ["Callback", "check_callbacks"]


class Callback:
    """Called by the loop; every method does nothing unless a subclass says otherwise.

    Callbacks run in the order of their list and never reach into one another. One that wants training to end sets
    `state.stop_training = True`. One that remembers something from step to step gives it in `state_dict`, or a run
    that was stopped and goes on would not end where it would have ended.

    Raises:
        ConfigError: When a subclass is defined, if one of its methods has the name of a hook that does not exist.

    Example:
        >>> class StopWhenPerfect(Callback):
        ...     def on_epoch_end(self, state, epoch):
        ...         state.stop_training = epoch.metrics["accuracy"] > 0.99
    """

    def __init_subclass__(cls) -> None:
        """A hook with a misspelt name would never be called, and nobody would know."""
        super().__init_subclass__()
        hooks = [name for name in vars(Callback) if name.startswith("on_")]
        for name in vars(cls):
            if name.startswith("on_") and name not in hooks:
                what = "A callback has a method that no step of training calls."
                raise ConfigError(what, given=f"{cls.__name__}.{name}", fix=did_you_mean(name, hooks))

    def on_train_begin(self, state: TrainState) -> None:
        """Before the first epoch of a stage."""

    def on_epoch_begin(self, state: TrainState) -> None:
        """Before an epoch; `state.epoch` counts from 0."""

    def on_batch_begin(self, state: TrainState, batch: Batch) -> None:
        """Before a step, the batch as it was read."""

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        """After a step."""

    def on_epoch_end(self, state: TrainState, epoch: Epoch) -> None:
        """After an epoch and its evaluation; the model has the weights that were evaluated."""

    def on_train_end(self, state: TrainState) -> None:
        """After the last epoch of a stage."""

    def on_entry(self, entry: Epoch) -> None:
        """After an entry was added to the history: of an epoch, or of the head that stage one solved.

        In a run that goes on, the entries from before the stop come first, so a log is written whole again.
        """

    def state_dict(self) -> dict[str, Any]:
        """What it remembers, by name, for a checkpoint: plain JSON values and tensors."""
        return {}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        """Takes back what `state_dict` gave."""


def check_callbacks(callbacks: Sequence[Callback]) -> None:
    """Raises a ConfigError if one of them is not an instance of `Callback`."""
    for callback in callbacks:
        if not isinstance(callback, Callback):
            is_class = isinstance(callback, type)
            given = f"the class {callback.__name__}" if is_class else type(callback).__name__
            fix = f"Pass {callback.__name__}()." if is_class else "Derive its class from hw.Callback."
            raise ConfigError("A callback must be an instance of hw.Callback.", given=given, fix=fix)
