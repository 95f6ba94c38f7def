"""What a kind of input brings for training batches; as it stands here, batches are trained on as they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["TrainingView"]


class TrainingView:
    """How training sees a batch, and what can be chosen about it.

    Attributes:
        augments: Whether an item looks different from epoch to epoch; test-time augmentation needs that.
        can_mix: Whether a mixture of two items means something, so that mixup and cutmix do.
        is_small: Whether a step is so short that shorter number formats save nothing.
        full_size: Side of the whole items, of which `sizes` are smaller ones; None where items have no size to choose.
        batch_size: Items a step by default; None for as many as the model's `Recipe` wants.
        mirror: Prepared inputs to those of the same items mirrored, which mean the same; None where they would not.
        larger: An `Input` that reads the items larger, with more to see on them; None where they have one size.
    """

    augments: bool = False
    can_mix: bool = False
    is_small: bool = False
    full_size: int | None = None
    batch_size: int | None = None
    mirror: nn.Module | None = None
    larger: Any = None

    def __call__(
        self, inputs: torch.Tensor, targets: torch.Tensor, *, rows: np.ndarray, size: int | None, seed: int, epoch: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A batch as one epoch of training sees it, on the device that it is on.

        Args:
            inputs: As the loader reads them for training.
            targets: Likewise.
            rows: The items' numbers, int64 `[batch]`; with `seed` and `epoch` they decide whatever is drawn.
            size: Side of the result, at most `full_size`, which it is when None.
            seed: The run's seed.
            epoch: The epoch, from 0.
        """
        return inputs, targets

    def __str__(self) -> str:
        return "no augmentation"

    def to_json(self) -> dict[str, Any]:
        """What `Input.training_view` takes as `augment` to make the same again; empty where nothing was chosen."""
        return {}
