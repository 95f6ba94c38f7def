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
        lr_batch_size: Items a step that it is for: with fewer it is smaller in proportion. None: for any number.
        options: How it trains besides.
        samples_seen: About so many training items are seen, each epoch counting anew.
        min_epochs: Passes over the training rows at least,
        max_epochs: and at most.
        steps: About so many steps an epoch, where the kind of input says nothing of the batch size,
        min_batch_size: but never fewer items a step,
        max_batch_size: and never more.
        few_rows_steps: Steps an epoch where the rows are so few that there would be fewer, down to 32 items a step.
        most_aside: Training rows at most that judge the two stages and train in neither; see `headway.train.aside`.
        cross_fits: Whether the second of two stages trains the body by heads that do not know what they answer; see
            `headway.train.cross_fitting`. A frozen body is left as it is.
    """

    lr: float = 1e-2
    lr_batch_size: int | None = None
    options: Options = field(default_factory=lambda: Options(weight_decay=0.05))
    samples_seen: int = 64_000
    min_epochs: int = 5
    max_epochs: int = 40
    steps: int = 50
    min_batch_size: int = 32
    max_batch_size: int = 1024
    few_rows_steps: int = 0
    most_aside: int = 1000
    cross_fits: bool = False

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
        size = min(max(_power_of_two(num_train / self.steps), self.min_batch_size), self.max_batch_size)
        return min(size, max(_power_of_two(num_train / self.few_rows_steps), 32)) if self.few_rows_steps else size

    def lr_with(self, batch_size: int) -> float:
        """Peak learning rate with so many items a step.

        Example:
            >>> Recipe(lr=0.02, lr_batch_size=256).lr_with(64)
            0.005
        """
        return self.lr * min(batch_size / self.lr_batch_size, 1) if self.lr_batch_size else self.lr


def _power_of_two(number: float) -> int:
    return 2 ** max(round(math.log2(max(number, 1))), 0)


# Stage two of a pretrained model, where its architecture brings nothing else: rates that fall towards the first layers.
FINE_TUNE = Recipe(
    lr=3e-4, options=Options(lr_decay=0.3, freeze_norm=True), samples_seen=600, min_epochs=1, max_epochs=5
)
