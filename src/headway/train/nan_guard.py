"""A loss that becomes NaN or infinite ends the stage, and the error names the step and its items."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch

from headway.data.dataset import Data
from headway.errors import TrainingError
from headway.train.callbacks import Callback

if TYPE_CHECKING:
    from headway.train.callbacks import BatchResult, TrainState

__all__ = ["FiniteLoss"]

# Steps of an accelerator that may go on after the first NaN.
STEPS_BETWEEN = 50
NAMES_SHOWN = 5


class FiniteLoss(Callback):
    """Looks at each step's loss; on an accelerator, where looking means waiting for it, at fifty of them at once."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self._unseen: list[tuple[TrainState, int, np.ndarray, torch.Tensor]] = []

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        """Notes the loss, and looks when it is time."""
        # On the processor looking costs nothing, and the error then comes before the next step.
        if result.loss.is_cpu and math.isfinite(result.loss.item()):
            return
        # Not the whole result: it would keep fifty batches on the device.
        self._unseen.append((state, state.step, result.rows, result.loss))
        if result.loss.is_cpu or len(self._unseen) >= STEPS_BETWEEN:
            self.check()

    def check(self) -> None:
        """Looks at the losses noted since the last time.

        Raises:
            TrainingError: If one of them is NaN or infinite.
        """
        unseen, self._unseen = self._unseen, []
        losses = torch.stack([loss for *_, loss in unseen]).tolist() if len(unseen) > 1 else None
        for index, (state, step, rows, tensor) in enumerate(unseen):
            loss = tensor.item() if losses is None else losses[index]
            if not math.isfinite(loss):
                # The loss is the whole batch's, so that every process comes here.
                rows = state.processes.whole(torch.from_numpy(rows))[0].numpy()
                raise self._error(step, state.schedule(step - 1), rows, loss)

    def _error(self, step: int, lr: float, rows: np.ndarray, loss: float) -> TrainingError:
        # The batch's items are named, since one of them is often the cause: an empty photo, a number beyond all others.
        items = self.data.items.filter(pl.col("row").is_in(rows.tolist()))
        names = self.data.input.names(items)
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        return TrainingError(
            f"The training loss became NaN or infinite, so training stopped at step {step}.",
            given=f"loss {loss}, learning rate {lr:.2g}, items {', '.join(names[:NAMES_SHOWN])}{more} "
            f"(rows {', '.join(map(str, rows.tolist()))})",
            fix="Try a tenth of the learning rate (lr=, --lr), or float32 (precision=, --precision); if it happens "
            "again at the same items, look at them. What was saved before this step is whole.",
        )
