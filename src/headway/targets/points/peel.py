"""Points in pictures, in plain PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import torch

from headway.peel.facts import KindParts, Subject
from headway.peel.specialise import Known, constant
from headway.targets.points.field import Points
from headway.targets.points.objective import moved
from headway.train.objective import ToUnit

__all__ = ["parts"]


def parts(field: Points, subject: Subject) -> KindParts:
    """What points bring to the file."""
    data = subject.setup.data
    order = constant("SWAPPED", list(field.swapped_order), "the points by each other's names, left and right swapped")
    return KindParts(
        blocks={"targets": encode},
        known={
            "": {
                "facts.points_mean": constant("POINTS_MEAN", list(field.mean), "of the training rows"),
                "facts.points_std": constant("POINTS_STD", field.std),
                "facts.loss_fn": Known("loss_fn"),
                "facts.moves": Known(value=True),
            },
            ToUnit: {f"{owner}{name}": Known(value=None) for name in ("low", "high") for owner in ("", "self.")},
            "headway.targets.points.objective": {
                "to_device(torch.as_tensor(target.swapped_order), places.device)": Known(
                    "torch.as_tensor(SWAPPED)", needs=order.needs
                ),
            },
        },
        methods={ToUnit: ("__init__", "forward")},
        columns=pl.DataFrame({"placed": data.placed.tolist(), "seen": field.view(data.placed, data.input).tolist()}),
    )


def encode(facts: Any, items: pl.DataFrame, matrices_of: Callable[..., torch.Tensor]) -> None:
    # Where the points are in the squares that photos are cut from, and in what validation sees: x and y of each from
    # -1 to 1, then the size of what is seen in the photo's pixels.
    placed, targets = (torch.tensor(items[name].to_list(), dtype=torch.float32) for name in ("placed", "seen"))
    to_unit = ToUnit(facts.points_mean, facts.points_std)

    def loss_fn(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The mean squared distance, on the scale of the training rows."""
        return ((to_unit(outputs) - targets[:, :-2]) / to_unit.std).square().mean()

    def targets_of(positions: np.ndarray, epoch: int) -> torch.Tensor:
        """The points of photos that are changed as an epoch wants them."""
        return moved(placed[positions], matrices_of(positions, epoch), target=facts.field)
