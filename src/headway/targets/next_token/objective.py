"""What training makes small for a language model: the bits of a token."""

from __future__ import annotations

from torch import nn

from headway.targets.next_token.field import NextToken
from headway.train.objective import Objective

__all__ = ["objective"]


def objective(target: NextToken) -> Objective:
    """The mean over all tokens of a batch; the model itself counts bits and tokens, so the targets are not needed."""
    return Objective(
        loss_fn=lambda outputs, _: outputs[:, 0].sum() / outputs[:, 1].sum().clamp_min(1),
        item_losses=lambda outputs, _: outputs[:, 0] / outputs[:, 1].clamp_min(1),
        activate=nn.Identity(),
        is_exact=True,
    )
