"""Augmentation of bytes: some windows of each file, another choice each time, and in each a stretch that is hidden.

What is done to a file is drawn from (seed, epoch, row), so it depends neither on the batch that the file lies in nor on
the threads that read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from headway.data.loader import to_device
from headway.errors import ConfigError
from headway.inputs.bytes.reading import PADDING
from headway.inputs.training_view import TrainingView
from headway.seeds import generator

__all__ = ["Augment", "BytesView"]

# Of the windows between head and tail so many are drawn.
_BETWEEN = 2


@dataclass(frozen=True, kw_only=True)
class Augment:
    """What may be done to a training file.

    Args:
        hide: Largest share of a window that is hidden, as one stretch, from 0 to 0.9.

    Raises:
        ConfigError: If it is out of its range.
    """

    hide: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.hide <= 0.9:
            fix = "Pass a share such as 0.5, or 0 for none."
            raise ConfigError("`hide` must lie between 0 and 0.9.", given=f"hide={self.hide}", fix=fix)


class BytesView(TrainingView):
    """Files as an epoch of training sees them: head, tail, and two of the windows between, partly hidden."""

    augments = True
    # A step is a few hundredths of a second.
    is_small = True
    batch_size = 32

    def __init__(self, augment: Augment | Mapping[str, Any] | None) -> None:
        self.augment = augment if isinstance(augment, Augment) else Augment(**(augment or {}))

    def __call__(
        self, inputs: torch.Tensor, targets: torch.Tensor, *, rows: np.ndarray, size: int | None, seed: int, epoch: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Windows `[batch, at most 4, length]` and the targets."""
        length, num_windows = inputs.shape[2], inputs.shape[1]
        most = min(num_windows, 2 + _BETWEEN)
        keys = np.empty((len(rows), num_windows), np.float32)
        hidden = np.zeros((len(rows), most, length), bool)
        at = np.arange(length) / length
        for index, row in enumerate(rows.tolist()):
            draw = generator(seed, "augment", epoch=epoch, row=row)
            # As many draws whatever the batch has: another one must not change what is hidden.
            shares = draw.uniform(0, self.augment.hide, (2 + _BETWEEN, 1))[:most]
            first = draw.uniform(0, 1, (2 + _BETWEEN, 1))[:most] * (1 - shares)
            hidden[index] = (at >= first) & (at < first + shares)
            keys[index] = draw.uniform(0, 1, num_windows)
        # The first byte says that there is a window.
        hidden[..., 0] = False
        chosen = _windows_drawn(inputs, to_device(torch.from_numpy(keys), inputs.device), most)
        seen = inputs[torch.arange(len(rows), device=inputs.device)[:, None], chosen]
        return seen.masked_fill(to_device(torch.from_numpy(hidden), inputs.device), PADDING), targets

    def __str__(self) -> str:
        return str(self.augment)

    def to_json(self) -> dict[str, Any]:
        return asdict(self.augment)


def _windows_drawn(inputs: torch.Tensor, keys: torch.Tensor, most: int) -> torch.Tensor:
    """The first window of each file, its last, and of those between the ones with the smallest keys: `[batch, most]`.

    All on the inputs' device, which is not waited for. A file with fewer windows than others shows what stands in
    place of the missing ones: padding.
    """
    num_windows = inputs.shape[1]
    counts = (inputs[..., 0] < PADDING).sum(dim=1, keepdim=True)
    numbers = torch.arange(num_windows, device=inputs.device)
    is_between = (numbers >= 1) & (numbers < counts - 1)
    drawn = keys.masked_fill(~is_between, 2.0).argsort(dim=1)[:, : max(most - 2, 0)]
    between = drawn.masked_fill(~is_between.gather(1, drawn), num_windows)
    last = torch.where(counts > 1, counts - 1, num_windows)
    # In the order in which they lie in the file, and what is missing behind them.
    chosen = torch.cat([torch.zeros_like(counts), between, last], dim=1).sort(dim=1).values[:, :most]
    return torch.where(chosen < num_windows, chosen, counts.clamp_max(num_windows - 1))
