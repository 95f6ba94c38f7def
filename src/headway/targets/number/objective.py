"""What training makes small for numbers: squared error, and answers in the unit of the column."""

from __future__ import annotations

from headway.targets.number.field import Number
from headway.train.objective import SQUARED_DECAYS, Objective, ToUnit

__all__ = ["objective"]


def objective(target: Number) -> Objective:
    """Squared error in standard deviations of the training rows."""
    to_unit = ToUnit(target.mean, target.std, target.low, target.high)
    return Objective(
        loss_fn=lambda outputs, targets: to_unit.losses(outputs, targets).mean(),
        item_losses=lambda outputs, targets: to_unit.losses(outputs, targets).mean(dim=1),
        activate=to_unit,
        soften=lambda targets: targets,
        decays=SQUARED_DECAYS,
        is_convex=target.low is None and target.high is None,
        is_exact=True,
        floor=0.05,
        compared=to_unit.standardised,
    )
