"""What training makes small for points: squared distances; and points that move with their pictures."""

from __future__ import annotations

import torch

from headway.data.loader import to_device
from headway.targets.points.field import Points
from headway.train.objective import SQUARED_DECAYS, Objective, ToUnit

__all__ = ["moved", "objective"]

# How far from the middle a point is said to be at most, in halves of the side: a crop may leave points outside.
FARTHEST = 4.0


def objective(target: Points) -> Objective:
    """Squared distances on the training rows' scale. What goes with the places, the pictures' sizes, is left out.

    The floor had the least error on held-out training rows, of 0, 0.05, 0.2 and 1, for heads of pets in two sizes.
    """
    to_unit = ToUnit(target.mean, target.std)
    return Objective(
        loss_fn=lambda outputs, targets: to_unit.losses(outputs, targets[:, :-2]).mean(),
        item_losses=lambda outputs, targets: to_unit.losses(outputs, targets[:, :-2]).mean(dim=1),
        activate=to_unit,
        decays=SQUARED_DECAYS,
        is_exact=True,
        floor=1.0,
        compared=lambda outputs, targets: to_unit.standardised(outputs, targets[:, :-2]),
    )


def moved(targets: torch.Tensor, matrices: torch.Tensor, target: Points) -> torch.Tensor:
    """Points `[batch, 2 x points + 2]` from their places in the canvases to those in the result.

    Where left and right are swapped, so are the points that have each other's name then.
    """
    places, sizes = targets[:, :-2].reshape(len(targets), -1, 2), targets[:, -2:]
    swapped = places.index_select(1, to_device(torch.as_tensor(target.swapped_order), places.device))
    # A picture is mirrored where its matrix turns areas over.
    mirrored = torch.linalg.det(matrices) < 0
    places = torch.where(mirrored[:, None, None], swapped, places)
    ones = torch.ones_like(places[..., :1])
    # `inv` would wait for the device, to see whether there is an inverse.
    projected = torch.cat([places, ones], dim=2) @ torch.linalg.inv_ex(matrices).inverse.transpose(1, 2)
    # Far outside a warped picture a place may lie at infinity; what is out of sight is nowhere in particular.
    points = projected[..., :2] / projected[..., 2:].clamp_min(0.1)
    return torch.cat([points.clamp(-FARTHEST, FARTHEST).flatten(1), sizes], dim=1)
