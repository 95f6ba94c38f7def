"""Soft targets: labels smoothed, and training photos mixed in pairs (mixup, cutmix), their targets with them.

What is drawn for an item comes from (seed, epoch, row); its partner is the next one of its batch in the order of one
of the draws. So both depend on which items lie together, and neither on the threads that read them nor on their order.
"""

from __future__ import annotations

import numpy as np
import torch

from headway.data.loader import to_device
from headway.seeds import generator
from headway.train.objective import Objective

__all__ = ["mixed", "softened"]


def softened(targets: torch.Tensor, objective: Objective, *, label_smoothing: float) -> torch.Tensor:
    """Targets as numbers that can be mixed, a share of each spread evenly over the labels.

    Source:
        Label smoothing: Szegedy et al. 2016, arXiv:1512.00567, section 7.
    """
    assert objective.soften is not None
    targets = objective.soften(targets)
    if not label_smoothing:
        return targets
    assert objective.even is not None
    return targets.lerp(torch.full_like(targets, objective.even), label_smoothing)


def mixed(
    images: torch.Tensor,
    targets: torch.Tensor,
    *,
    rows: np.ndarray,
    seed: int,
    epoch: int,
    mixup: float = 0.0,
    cutmix: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch whose items have each been mixed with another one, by a coin in one of two ways where both are asked for.

    Args:
        images: float32 `[batch, channels, height, width]`.
        targets: Numbers of which a mixture is a target too, float32 `[batch, outputs]`.
        rows: The items' numbers, int64 `[batch]`; with seed and epoch they decide what is drawn.
        seed: The run's seed.
        epoch: The epoch, from 0.
        mixup: The share of an item's own pixels, the same for all of them, is drawn from Beta(mixup, mixup).
        cutmix: The share that is outside of the other's rectangle is drawn from Beta(cutmix, cutmix).

    Example:
        >>> images, targets = torch.rand(2, 1, 4, 4), torch.eye(2)
        >>> images, targets = mixed(images, targets, rows=np.array([3, 8]), seed=0, epoch=0, mixup=0.4)
        >>> bool((targets.sum(dim=1) == 1).all())
        True

    Source:
        Mixup: Zhang et al. 2018, arXiv:1710.09412. Cutmix: Yun et al. 2019, arXiv:1905.04899. Here shares are drawn
        for each item instead of each batch.
    """
    draws = np.array([_draw(row, seed, epoch, mixup, cutmix) for row in rows.tolist()])
    # Each item is mixed with the next of a shuffled circle, so that none is used twice.
    order = np.argsort(draws[:, 0], kind="stable")
    partner = np.empty_like(order)
    partner[order] = np.roll(order, -1)
    height, width = images.shape[-2:]
    own, is_cut = draws[:, 1], draws[:, 2] < 0
    top, bottom = _sides(draws[:, 3], own, height)
    left, right = _sides(draws[:, 4], own, width)
    # Of a rectangle that reaches over an edge less is covered than was drawn, and the targets must say so.
    share = np.where(is_cut, 1 - (bottom - top) * (right - left) / (height * width), own)

    def placed(values: np.ndarray, *shape: int) -> torch.Tensor:
        return to_device(torch.from_numpy(values), images.device).view(-1, *shape)

    weights = placed(share.astype(np.float32), 1, 1, 1)
    if is_cut.any():
        y, x = torch.arange(height, device=images.device)[:, None], torch.arange(width, device=images.device)
        inside = (y >= placed(top, 1, 1, 1)) & (y < placed(bottom, 1, 1, 1))
        inside = inside & (x >= placed(left, 1, 1, 1)) & (x < placed(right, 1, 1, 1))
        # Inside of the rectangle lie the other photo's pixels.
        weights = torch.where(placed(is_cut, 1, 1, 1), (~inside).float(), weights)
    others = to_device(torch.from_numpy(partner), images.device)
    shares = placed(share.astype(np.float32), *[1] * (targets.ndim - 1))
    return torch.lerp(images[others], images, weights), torch.lerp(targets[others], targets, shares)


def _draw(row: int, seed: int, epoch: int, mixup: float, cutmix: float) -> tuple[float, float, float, float, float]:
    """For an item: its position among the others, its own share, below 0 for cutmix, the rectangle's middle."""
    draw = generator(seed, "mix", epoch=epoch, row=row)
    position, coin, y, x = draw.uniform(size=4)
    is_cut = cutmix > 0 and (mixup == 0 or coin < 0.5)
    alpha = cutmix if is_cut else mixup
    # Drawn last: how many numbers a beta draw takes from the stream depends on its alpha.
    return position, draw.beta(alpha, alpha), -1.0 if is_cut else 1.0, y, x


def _sides(middle: np.ndarray, own: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Where rectangles begin and end, in whole pixels."""
    # Their sides are the roots of their share; what lies beyond an edge of the picture is cut off.
    half = np.sqrt(1 - own) / 2
    first, last = (np.rint(length * np.clip(middle + side * half, 0, 1)).astype(np.int64) for side in (-1, 1))
    return first, last
