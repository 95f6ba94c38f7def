"""Masked moments: a body learns series by filling in stretches that are hidden from it.

Source:
    Zerveas et al. 2021, arXiv:2010.02803: stretches rather than single moments, which neighbours would give away; the
    loss is of hidden moments alone.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from headway.inputs.series.models import Convolutional
from headway.seeds import generator
from headway.train.options import Options
from headway.train.pretraining import Pretraining
from headway.train.recipe import Recipe

__all__ = ["MaskedMomentModel", "hide", "masked_moments"]

# A stretch is a tenth of a series, and four of them, which may overlap, hide a third of it.
_NUM_STRETCHES, _STRETCH = 4, 0.1

RECIPE = Recipe(
    lr=2e-3, options=Options(weight_decay=0.05), samples_seen=20_000, min_epochs=5, max_epochs=100, max_batch_size=64
)


class MaskedMomentModel(nn.Module):
    """A body that says what the hidden moments were.

    Args:
        body: Series to maps `[batch, width, length]`, by its `maps`.
        channels: Numbers at each moment.
    """

    def __init__(self, body: Convolutional, channels: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Conv1d(body.width, channels, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Series with stretches hidden, float32 `[batch, channels, length]`, to whole ones."""
        return self.head(self.body.maps(inputs))


def hide(inputs: torch.Tensor, *, rows: np.ndarray, seed: int, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Standardised series with stretches at their mean, which is 0; and what was there, NaN where nothing is hidden.

    Example:
        >>> hidden, targets = hide(torch.ones(1, 1, 20), rows=np.array([0]), seed=0, epoch=1)
        >>> bool((hidden.isclose(torch.zeros(())) == targets.isfinite()).all())
        True
    """
    length = inputs.shape[-1]
    width = max(round(_STRETCH * length), 1)
    draws = [generator(seed, "mask", epoch=epoch, row=row) for row in rows.tolist()]
    first = np.stack([draw.integers(0, length - width + 1, _NUM_STRETCHES) for draw in draws])
    behind = np.arange(length) - first[:, :, None]
    is_hidden = torch.from_numpy(((behind >= 0) & (behind < width)).any(axis=1)).to(inputs.device)[:, None]
    return inputs.masked_fill(is_hidden, 0.0), inputs.masked_fill(~is_hidden, torch.nan)


def masked_moments(model: nn.Module, channels: int) -> Pretraining | None:
    """Pretraining of a convolutional body; None for another."""
    body = getattr(model, "body", None)
    if not isinstance(body, Convolutional):
        return None
    return Pretraining(module=MaskedMomentModel(body, channels), hide=hide, loss_fn=_loss, recipe=RECIPE)


def _loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    is_hidden = targets.isfinite()
    return (outputs[is_hidden] - targets[is_hidden]).square().mean()
