"""A running average of the weights, which evaluations and the finished model use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import nn

from headway.train.callbacks import Callback
from headway.train.shard import share_of

if TYPE_CHECKING:
    from headway.train.callbacks import BatchResult, TrainState

__all__ = ["Average"]


class Average(Callback):
    """The exponential moving average of a model's weights and buffers over the steps of a stage.

    `decay` is how much of the average stays in a step, above 0 and below 1. Whole numbers, such as counts of batches,
    are not averaged.

    Source:
        Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging"; of a network's weights
        while it trains: Tarvainen and Valpola 2017, arXiv:1703.01780; when it helps: Morales-Brotons et al. 2024,
        arXiv:2411.18704. The decay of the first steps is that of TensorFlow's `ExponentialMovingAverage`.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        # The model's own tensors, which stay the same objects while it trains.
        self._live = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
        self._averaged = {name: value.clone() for name, value in self._live.items()}

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        """Moves the average towards the weights."""
        self.update(state.step)

    def update(self, step: int) -> None:
        """The same after so many steps."""
        # At first it forgets faster, or it would hold on to the weights that training began with.
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in self._averaged.items():
            value.lerp_(self._live[name], 1 - decay)

    def put(self) -> None:
        """Copies the average into the model."""
        for name, value in self._averaged.items():
            self._live[name].copy_(value)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """A context in which the model has the average; afterwards it has the weights that are trained."""
        # Copied, not swapped: optimizer and compiled code hold the live tensors.
        trained = {name: value.clone() for name, value in self._live.items()}
        self.put()
        try:
            yield
        finally:
            for name, value in trained.items():
                self._live[name].copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """The average by the names of the weights."""
        return self._averaged

    def load_state_dict(self, values: dict[str, Any]) -> None:
        """Takes back what `state_dict` gave."""
        for name, value in self._averaged.items():
            value.copy_(share_of(values[name], value))
