"""A model with what belongs to its weights: what comes before it, how it is trained, where its weights come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field

import torch
from torch import nn

from headway.train.recipe import FINE_TUNE, Recipe

__all__ = ["MEASURED", "BodyAndHead", "Model", "is_fixed"]

# Training items that `Model.measure` is given.
MEASURED = 1_000


class BodyAndHead(nn.Module):
    """A body, from prepared inputs to features `[batch, num_features]`, and a linear head, from these to outputs.

    Attributes:
        lr_factors: What the learning rate of a part is multiplied by, by the beginning of its name. Set where rates
            are not all the same.
    """

    lr_factors: dict[str, float]

    def __init__(self, body: nn.Module, num_features: int, num_outputs: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(num_features, num_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Prepared inputs `[batch, ...]` to outputs `[batch, num_outputs]`."""
        return self.head(self.body(inputs))


@dataclass(frozen=True)
class Model:
    """A module and what belongs to its weights.

    Args:
        module: Prepared inputs to outputs, such as logits `[batch, classes]`.
        prepare: What comes before it, such as the normalisation that its weights were trained with; it is part of the
            exported graph and takes photos as float32 from 0 to 255. Left out: photos come to the module from 0 to 1.
        recipe: How it is trained in one stage, where nothing else is asked for.
        fine_tuning: The same of the second of two stages, which begins with a solved head.
        decays: Weight decays that its solved head may need besides those of the objective, where they are stronger.
        pretrained: Where the weights of its body come from; "" when they are random. With pretrained weights, a
            `body` and a linear `head`, it is fine-tuned in two stages.
        arch: The architecture's name. Default: that of the module's class.
        notes: Sentences on the choice, such as that a better architecture is not installed; they begin the history.
        measure: What sets those parts of the module that are measured rather than trained, such as thresholds; called
            once before training with prepared training items, `MEASURED` at most.

    Example:
        >>> Model(nn.Linear(4, 2), pretrained="my own run").arch
        'Linear'
    """

    module: nn.Module
    _: KW_ONLY
    prepare: nn.Module | None = None
    recipe: Recipe = field(default_factory=Recipe)
    fine_tuning: Recipe = FINE_TUNE
    decays: tuple[float, ...] = ()
    pretrained: str = ""
    arch: str = ""
    notes: tuple[str, ...] = ()
    measure: Callable[[torch.Tensor], None] | None = None

    def __post_init__(self) -> None:
        if not self.arch:
            object.__setattr__(self, "arch", type(self.module).__name__)


def is_fixed(module: nn.Module) -> bool:
    """Whether all that training can change is a linear `head`: the `body` has no weights.

    Example:
        >>> class Doubled(nn.Module):
        ...     def __init__(self) -> None:
        ...         super().__init__()
        ...         self.body, self.head = nn.Flatten(), nn.Linear(4, 2)
        >>> is_fixed(Doubled()), is_fixed(nn.Linear(4, 2))
        (True, False)
    """
    body, head = getattr(module, "body", None), getattr(module, "head", None)
    return isinstance(body, nn.Module) and isinstance(head, nn.Linear) and not any(True for _ in body.parameters())
