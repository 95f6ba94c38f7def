"""The checkpoint of a stage under way: what decides how it goes on, and when it is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from headway.data.loader import Batch
from headway.errors import CheckpointError
from headway.runs.checkpoint import Saved, load_model, model_tensors
from headway.runs.interrupt import Signals
from headway.train.callbacks import BatchResult, Callback, TrainState
from headway.train.shard import share_of, whole

__all__ = ["KeepState", "capture", "restore"]

# A stage is saved at least this often, besides at every epoch's end.
SECONDS_BETWEEN = 60.0

# The counts of a stage's state.
PROGRESS = ("epoch", "step", "batch", "items", "pieces", "total_steps", "seconds", "stop_training")


class KeepState(Callback):
    """Saves a stage's state at the last of an epoch's `batches`, every minute until then, and on a signal to stop."""

    def __init__(self, save: Callable[[], None], signals: Signals, *, batches: int) -> None:
        self.save, self.signals, self.batches = save, signals, batches
        self._saved_at = time.monotonic()

    def on_batch_begin(self, state: TrainState, batch: Batch) -> None:
        """From here on a signal waits for the end of its step."""
        self.signals.waiting = True

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        """Saves when it is time."""
        # The evaluation after an epoch comes after its checkpoint: it changes nothing, and is made again.
        is_last = state.batch == self.batches or state.step == state.total_steps or state.stop_training
        is_due = time.monotonic() - self._saved_at >= SECONDS_BETWEEN
        # Signals and clocks are a process's own, and all must stop at the same step.
        received, due = state.processes.counts(self.signals.received or 0, int(is_due))
        if is_last or any(received) or any(due):
            self.save()
            self._saved_at = time.monotonic()
        self.signals.waiting = not is_last
        self.signals.received = max(received) or None
        self.signals.obey()


def capture(state: TrainState) -> Saved:
    """Everything that decides how a stage goes on: weights, the optimizer's state, and how far the stage has come."""
    tensors, plain = model_tensors(state.model), {}
    remembered = {
        # By position, as parameters have no names in an optimizer; one that no step has reached has no state.
        **{f"optimizer.{index}": state.optimizer.state.get(key, {}) for index, key in enumerate(_parameters(state))},
        **{f"group.{index}": _counts(group) for index, group in enumerate(state.optimizer.param_groups)},
        **{f"callback.{index}": callback.state_dict() for index, callback in enumerate(_remembering(state))},
    }
    for owner, values in remembered.items():
        for name, value in values.items():
            # A file has tensors as tensors, bit for bit, and everything else as JSON.
            (tensors if isinstance(value, torch.Tensor) else plain)[f"{owner}.{name}"] = value
    # Whole, so that a run goes on in another number of processes.
    tensors = {name: whole(tensor) for name, tensor in tensors.items()}
    tensors["loss_sum"] = state.loss_sum
    values = {
        **{name: getattr(state, name) for name in PROGRESS},
        "scaler": state.precision.scaler.state_dict(),
        "callbacks": [type(callback).__name__ for callback in _remembering(state)],
        "remembered": plain,
    }
    return Saved(tensors, values)


def restore(state: TrainState, saved: Saved) -> None:
    """Puts a stage into the state that `capture` took.

    Raises:
        CheckpointError: If the checkpoint is of another model or of other callbacks.
    """
    # First, as it says in the plainest words that the checkpoint is another model's.
    live = model_tensors(state.model)
    model = {name: share_of(value, live.get(name, value)) for name, value in saved.tensors.items()}
    load_model(state.model, Saved(model))
    for index, parameter in enumerate(_parameters(state)):
        state.optimizer.state[parameter] = {
            name: _placed(value, parameter, is_count=name == "step") if isinstance(value, torch.Tensor) else value
            for name, value in _of(f"optimizer.{index}.", saved).items()
        }
    for index, group in enumerate(state.optimizer.param_groups):
        group.update(_of(f"group.{index}.", saved))
    for name in PROGRESS:
        setattr(state, name, saved.values[name])
    state.loss_sum = saved.tensors["loss_sum"].to(state.precision.device)
    state.precision.scaler.load_state_dict(saved.values["scaler"])
    # By their classes' names: what they were made with may differ, which class they are of may not.
    callbacks, wanted = _remembering(state), saved.values["callbacks"]
    names = [type(callback).__name__ for callback in callbacks]
    if names != wanted:
        given = f"{', '.join(names) or 'none'}, not {', '.join(wanted) or 'none'}"
        fix = "Pass those that the run was started with, in the same order (callbacks=)."
        raise CheckpointError("The checkpoint has the state of other callbacks.", given=given, fix=fix)
    for index, callback in enumerate(callbacks):
        callback.load_state_dict(_of(f"callback.{index}.", saved))


def _placed(value: torch.Tensor, parameter: torch.Tensor, *, is_count: bool) -> torch.Tensor:
    """An optimizer's tensor where its parameter is."""
    # The fused update relies on averages that lie in memory as their parameter does, and all on its device.
    if value.shape == parameter.shape and not is_count:
        return torch.empty_like(parameter, requires_grad=False).copy_(share_of(value, parameter))
    return value.to(parameter.device)


def _of(prefix: str, saved: Saved) -> dict[str, Any]:
    """The tensors and plain values whose names begin so, by the remainder of their names."""
    known = {**saved.tensors, **saved.values["remembered"]}
    return {name.removeprefix(prefix): value for name, value in known.items() if name.startswith(prefix)}


def _counts(group: Mapping[str, Any]) -> dict[str, Any]:
    # Of a parameter group's settings, since some optimizers count their steps there.
    return {name: value for name, value in group.items() if type(value) in (int, float, torch.Tensor)}


def _remembering(state: TrainState) -> list[Callback]:
    # Those without a state of their own, such as what shows the progress, may be others when a run goes on.
    return [callback for callback in state.callbacks if type(callback).state_dict is not Callback.state_dict]


def _parameters(state: TrainState) -> list[torch.Tensor]:
    return [parameter for group in state.optimizer.param_groups for parameter in group["params"]]
