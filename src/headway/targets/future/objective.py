"""What training makes small for forecasts: the error of each quantile, in the usual changes of the series."""

from __future__ import annotations

import torch
from torch import nn

from headway.targets.future.field import Future
from headway.targets.future.metrics import QUANTILES
from headway.train.objective import Objective

__all__ = ["InOrder", "objective"]


class InOrder(nn.Module):
    """Median and ends of each value, so that the low end is never above the high one.

    Args:
        horizon: Values of a forecast.
    """

    def __init__(self, horizon: int) -> None:
        super().__init__()
        self.horizon = horizon

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        """float32 `[batch, 3 * horizon]` to the same shape: medians, low ends, high ends."""
        middle, one, other = outputs.split(self.horizon, dim=1)
        low, high = torch.minimum(one, other), torch.maximum(one, other)
        return torch.cat([middle, torch.minimum(low, middle), torch.maximum(high, middle)], dim=1)


def objective(target: Future) -> Objective:
    """The pinball loss of the median and of both ends, twice: of the median it is the absolute error.

    Source:
        Koenker and Bassett 1978, "Regression quantiles".
    """

    def losses(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        following, usual = targets[:, None, :-1], targets[:, None, -1:]
        gaps = (following - outputs.view(len(outputs), 3, -1)) / usual
        levels = torch.tensor(QUANTILES, device=outputs.device).view(1, 3, 1)
        return 2 * torch.maximum(levels * gaps, (levels - 1) * gaps).mean(dim=(1, 2))

    return Objective(
        loss_fn=lambda outputs, targets: losses(outputs, targets).mean(),
        item_losses=losses,
        activate=InOrder(target.horizon),
        is_exact=True,
        compared=lambda outputs, targets: (outputs[:, : target.horizon], targets[:, :-1]),
    )
