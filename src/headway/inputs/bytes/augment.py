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
        counts = (inputs[..., 0] < PADDING).sum(dim=1).cpu().numpy()
        length, most = inputs.shape[2], min(inputs.shape[1], 2 + _BETWEEN)
        chosen, hidden = np.zeros((len(rows), most), np.int64), np.zeros((len(rows), most, length), bool)
        at = np.arange(length) / length
        for index, (row, count) in enumerate(zip(rows.tolist(), counts.tolist(), strict=True)):
            draw = generator(seed, "augment", epoch=epoch, row=row)
            between = np.sort(1 + draw.permutation(max(count - 2, 0))[: most - 2])
            windows = [0, *between, *([count - 1] if count > 1 else [])]
            # A file with fewer windows than others shows what stands in place of the missing ones: padding.
            chosen[index] = windows + [count] * (most - len(windows))
            # As many draws whatever the batch has: another one must not change what is hidden.
            shares = draw.uniform(0, self.augment.hide, (2 + _BETWEEN, 1))[:most]
            first = draw.uniform(0, 1, (2 + _BETWEEN, 1))[:most] * (1 - shares)
            hidden[index] = (at >= first) & (at < first + shares)
        # The first byte says that there is a window.
        hidden[..., 0] = False
        seen = inputs[
            torch.arange(len(rows), device=inputs.device)[:, None], to_device(torch.from_numpy(chosen), inputs.device)
        ]
        return seen.masked_fill(to_device(torch.from_numpy(hidden), inputs.device), PADDING), targets

    def __str__(self) -> str:
        return str(self.augment)

    def to_json(self) -> dict[str, Any]:
        return asdict(self.augment)
