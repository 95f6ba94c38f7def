"""The learning-rate range test: a short run whose rate grows at each step, to see where the loss falls fastest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headway.errors import TrainingError
from headway.train.callbacks import BatchResult, Callback, TrainState
from headway.train.loop import train_epoch
from headway.train.options import Options
from headway.train.stage import Setup, new_state, set_training_mode
from headway.train.untouched import untouched

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LrFinder", "find_lr"]

# From where next to nothing moves to where nearly everything diverges.
LOWEST, HIGHEST = 1e-6, 1.0


@dataclass(frozen=True)
class LrFinder:
    """The rates that were tried and the loss at each.

    Attributes:
        lrs: Learning rates, rising, float64 `[steps]`.
        losses: The training loss at each, smoothed, float64 `[steps]`.
        suggestion: The rate at which the loss falls most steeply.
    """

    lrs: np.ndarray
    losses: np.ndarray
    suggestion: float

    def plot(self) -> Figure:
        """A figure of the loss over the rates, the suggestion marked."""
        from headway.system.figures import new_figure

        figure, (axes,) = new_figure()
        axes.plot(self.lrs, self.losses)
        axes.axvline(self.suggestion, color="C1", linestyle="--", label=f"suggestion {self.suggestion:.1e}")
        axes.set(xscale="log", xlabel="learning rate", ylabel="training loss, smoothed")
        axes.legend()
        return figure


class _Watch(Callback):
    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        self.losses.append(result.loss.item())
        # Beyond four times its lowest the loss has diverged.
        state.stop_training = not np.isfinite(self.losses[-1]) or self.losses[-1] > 4 * min(self.losses)


def find_lr(setup: Setup, *, steps: int = 60) -> LrFinder:
    """Trains for up to `steps` steps at rates from 1e-6 to 1; the model is as before afterwards.

    Raises:
        TrainingError: If the loss is NaN from the start.

    Source:
        Smith 2017, arXiv:1506.01186.
    """
    watch = _Watch()
    state = new_state(setup, Options(), make_inputs=setup.augmented)
    state.schedule = lambda step: LOWEST * (HIGHEST / LOWEST) ** (step / (steps - 1))
    state.callbacks, state.total_steps = [watch], steps
    loader = setup.loader(setup.data.train, shuffle=True)
    set_training_mode(setup.model, freeze_norm=False)
    with untouched(state):
        # A small data set is gone through several times.
        while state.step < steps and not state.stop_training:
            train_epoch(state, loader.epoch(state.epoch))
    setup.model.eval()
    if not np.isfinite(watch.losses[:3]).all():
        given = f"losses {', '.join(f'{loss:.3g}' for loss in watch.losses[:3])} at rates from {LOWEST:g}"
        fix = "Look for NaN in the model's weights and in the loss, or take float32 (precision=)."
        raise TrainingError("No learning rate can be suggested: the loss is NaN.", given=given, fix=fix)
    lrs = np.array([state.schedule(step) for step in range(len(watch.losses))])
    smooth = _smoothed(np.array(watch.losses))
    return LrFinder(lrs, smooth, _steepest(lrs, smooth))


def _smoothed(losses: np.ndarray, keep: float = 0.8) -> np.ndarray:
    """An exponential mean."""
    mean, result = 0.0, np.empty_like(losses)
    for step, loss in enumerate(losses):
        mean = keep * mean + (1 - keep) * loss
        # The mean begins at 0; the correction is Adam's.
        result[step] = mean / (1 - keep ** (step + 1))
    return result


def _steepest(lrs: np.ndarray, losses: np.ndarray) -> float:
    # The last losses may have overflowed, which is how a rate that is too high shows.
    finite = np.isfinite(losses)
    lrs, losses = lrs[finite], losses[finite]
    # Beyond the lowest loss the rate is already too high.
    lowest = max(int(losses.argmin()), 2)
    # By the logarithm of the rate, on which the steps are even.
    slopes = np.gradient(losses[: lowest + 1], np.log(lrs[: lowest + 1]))
    return float(lrs[int(slopes.argmin())])
