"""Early stopping: a stage ends when a figure on valid has stopped improving, and the best weights are kept."""

from __future__ import annotations

import math
from typing import Any, Literal

from headway.errors import ConfigError, did_you_mean
from headway.train.callbacks import Callback, TrainState
from headway.train.history import Epoch

__all__ = ["EarlyStopping"]

# What the names of the best weights begin with in a checkpoint.
WEIGHTS = "weights."


class EarlyStopping(Callback):
    """Ends a stage when a figure on valid has not improved for some epochs.

    A schedule that ends low, such as "one_cycle", improves most in its last epochs, which an early stop never
    reaches. Train with `schedule="constant"` where you expect to stop early.

    Args:
        monitor: The figure: "valid_loss", "train_loss", or a metric of the history, such as "accuracy".
        patience: Epochs without an improvement after which training stops, from 1.
        min_delta: An improvement must be larger than this.
        mode: "min" where lower is better, "max" where higher is, "auto" for the figure's own direction.
        restore_best: Whether the model gets back the weights of its best epoch.

    Raises:
        ConfigError: If an argument is out of its range; when training begins, if there is no such figure.

    Example:
        >>> EarlyStopping("accuracy", patience=2)
        EarlyStopping('accuracy', patience=2)

    Source:
        Prechelt 1998, "Early stopping - but when?".
    """

    def __init__(
        self,
        monitor: str = "valid_loss",
        *,
        patience: int = 3,
        min_delta: float = 0.0,
        mode: Literal["auto", "min", "max"] = "auto",
        restore_best: bool = True,
    ) -> None:
        if patience < 1 or min_delta < 0 or mode not in ("auto", "min", "max"):
            what = '`patience` must be at least 1, `min_delta` at least 0, `mode` "auto", "min" or "max".'
            given = f"patience={patience}, min_delta={min_delta}, mode={mode!r}"
            raise ConfigError(what, given=given, fix="Leave them out for the defaults.")
        self.monitor, self.patience, self.min_delta, self.mode = monitor, patience, min_delta, mode
        self.restore_best = restore_best
        self._forget()

    def _forget(self) -> None:
        self._best, self._best_epoch, self._waited = math.nan, 0, 0
        self._weights: dict[str, Any] = {}

    def on_train_begin(self, state: TrainState) -> None:
        """Finds the figure's direction; what an earlier stage reached does not count."""
        known = {"valid_loss": False, "train_loss": False, **state.higher_is_better}
        if self.monitor not in known:
            what = "`monitor` must name a loss or a metric of the history."
            raise ConfigError(what, given=f"monitor={self.monitor!r}", fix=did_you_mean(self.monitor, known))
        # A user's own metric has a direction, too, which `mode` may overrule.
        self._sign = 1 if (known[self.monitor] if self.mode == "auto" else self.mode == "max") else -1
        self._forget()

    def on_epoch_end(self, state: TrainState, epoch: Epoch) -> None:
        """Compares with the best epoch so far."""
        figures = {"valid_loss": epoch.valid_loss, "train_loss": epoch.train_loss, **epoch.metrics}
        value = figures[self.monitor]
        # The first epoch is the best so far whatever its figure; NaN never is an improvement.
        if not self._best_epoch or self._sign * (value - self._best) > self.min_delta:
            self._best, self._best_epoch, self._waited = value, epoch.epoch, 0
            if self.restore_best:
                # Copied: `state_dict` gives the live tensors, which the next step changes.
                self._weights = {name: tensor.clone() for name, tensor in state.model.state_dict().items()}
            return
        self._waited += 1
        if self._waited >= self.patience:
            state.stop_training = True

    def on_train_end(self, state: TrainState) -> None:
        """Gives the model its best weights, and notes it in the history."""
        if not self._waited:
            return
        ending = ""
        if self.restore_best:
            state.model.load_state_dict(self._weights)
            ending = f"; the weights are those of epoch {self._best_epoch}"
        epochs = "1 epoch" if self._waited == 1 else f"{self._waited} epochs"
        state.notes.append(f"{self.monitor} did not improve in the last {epochs}{ending}.")
        self._weights = {}

    def state_dict(self) -> dict[str, Any]:
        """The best figure and its weights."""
        weights = {WEIGHTS + name: tensor for name, tensor in self._weights.items()}
        return {"best": self._best, "best_epoch": self._best_epoch, "waited": self._waited, **weights}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        """Takes back what `state_dict` gave."""
        self._best, self._best_epoch, self._waited = (values[name] for name in ("best", "best_epoch", "waited"))
        self._weights = {
            name.removeprefix(WEIGHTS): value for name, value in values.items() if name.startswith(WEIGHTS)
        }

    def __repr__(self) -> str:
        return f"EarlyStopping({self.monitor!r}, patience={self.patience})"
