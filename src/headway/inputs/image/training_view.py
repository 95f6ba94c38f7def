"""How training sees photos: cut from their canvases and changed anew each epoch, their targets with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from headway.inputs.image.augment import Augment, resized
from headway.inputs.image.field import Image
from headway.inputs.image.networks import Mirror
from headway.inputs.training_view import TrainingView
from headway.targets.base import Target

__all__ = ["PhotoView"]

# How much larger photos may be read: from 224 to 320 pixels, which takes twice as long; and how large at most.
ENLARGING, MAX_SIDE = 10 / 7, 1024


class PhotoView(TrainingView):
    """Batches of canvases to batches of photos: augmented, mildly by default, and their targets with them."""

    can_mix = True

    def __init__(self, input: Image, target: Target, augment: Augment | Mapping[str, Any] | None) -> None:
        if augment is None:
            augment = Augment(flip=target.can_mirror)
        self.input, self.target = input, target
        self.augment = augment if isinstance(augment, Augment) else Augment(**augment)
        self.augments = self.augment != Augment.none()
        self.full_size = input.size
        self.batch_size = 64 if input.size < 64 else 32
        self.mirror = Mirror() if self.augment.flip else None
        # Networks halve the side five times.
        side = 32 * round(input.size * ENLARGING / 32)
        self.larger = replace(input, size=side) if input.size < side <= MAX_SIDE else None

    def __call__(
        self, inputs: torch.Tensor, targets: torch.Tensor, *, rows: np.ndarray, size: int | None, seed: int, epoch: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Photos, float32 `[batch, channels, size, size]` from 0 to 255, and their targets."""
        size = size or self.input.size
        if size < self.input.size:
            # The canvas in proportion, so that crops keep their share of it.
            inputs = resized(inputs, side=max(round(self.input.side * size / self.input.size), size))
        drawn: dict[str, Any] = {"rows": rows, "size": size, "seed": seed, "epoch": epoch}
        targets = self.augment.follow(targets, self.target, side=inputs.shape[-1], **drawn)
        return self.augment(inputs, **drawn), targets

    def to_json(self) -> dict[str, Any]:
        return asdict(self.augment)

    def __str__(self) -> str:
        return str(self.augment)
