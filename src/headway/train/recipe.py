"""How a model is best trained in one stage, where nobody says otherwise: what its architecture brings with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from headway.train.options import Options

__all__ = ["FINE_TUNE", "Recipe"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How long and how fast a model trains in a stage that trains every layer.

    Attributes:
        lr: Peak learning rate.
        options: How it trains besides.
        samples_seen: About so many training items are seen, each epoch counting anew.
        min_epochs: Passes over the training rows at least,
        max_epochs: and at most.
        steps: About so many steps an epoch, where the kind of input says nothing of the batch size,
        min_batch_size: but never fewer items a step,
        max_batch_size: and never more.
    """

    lr: float = 1e-2
    options: Options = field(default_factory=lambda: Options(weight_decay=0.05))
    samples_seen: int = 64_000
    min_epochs: int = 5
    max_epochs: int = 40
    steps: int = 50
    min_batch_size: int = 32
    max_batch_size: int = 1024

    def epochs(self, num_train: int) -> int:
        """Passes over so many training rows: the more rows, the fewer.

        Example:
            >>> Recipe().epochs(3_200)
            20
        """
        return min(max(round(self.samples_seen / num_train), self.min_epochs), self.max_epochs)

    def batch_size(self, num_train: int) -> int:
        """Items a step, a power of two, so that an epoch of so many training rows has about `steps` steps.

        Example:
            >>> Recipe().batch_size(3_200)
            64
        """
        wanted = 2 ** round(math.log2(max(num_train, 1) / self.steps))
        return min(max(wanted, self.min_batch_size), self.max_batch_size)


# Stage two of a pretrained model, where its architecture brings nothing else: rates that fall towards the first layers.
FINE_TUNE = Recipe(
    lr=3e-4, options=Options(lr_decay=0.3, freeze_norm=True), samples_seen=600, min_epochs=1, max_epochs=5
)
