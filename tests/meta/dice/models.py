"""A network that reads throws in any order: each die's number is a vector, and the throws' vectors are averaged."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["DeepSet"]


class DeepSet(nn.Module):
    """Throws, int64 `[batch, throws, 2]` padded with 0, to `[batch, outputs]`."""

    def __init__(self, num_outputs: int, dim: int = 16) -> None:
        super().__init__()
        self.numbers = nn.Embedding(7, dim, padding_idx=0)
        self.throw = nn.Sequential(nn.Linear(dim, dim), nn.GELU())
        self.out = nn.Linear(dim, num_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        is_throw = (inputs[..., :1] > 0).float()
        throws = self.throw(self.numbers(inputs).sum(dim=2)) * is_throw
        return self.out(throws.sum(dim=1) / is_throw.sum(dim=1).clamp_min(1))
