"""Augmentation on whole batches: random crop, flip, turn, warp and light, in one resampling on the device.

Each image's parameters are drawn from (seed, epoch, row), so they depend neither on the batch it lies in nor on the
threads that read it. All the geometry of an image is one 3 x 3 matrix, and the batch is resampled once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from headway.data.loader import to_device
from headway.errors import ConfigError
from headway.seeds import generator
from headway.targets.base import Target

__all__ = ["Augment", "resized", "sampling_grid"]

# Eleven for what is cut, turned and moved, two for light and contrast. All are drawn whether or not they are used: an
# option that is switched off does not move the draws of others.
_DRAWS = 13


@dataclass(frozen=True, kw_only=True)
class Augment:
    """What may be done to a training image; each with its own draw.

    Args:
        flip: Whether left and right are swapped in half of the images. Not for digits or text.
        flip_vertical: Whether top and bottom are, for pictures without an up, such as from above.
        crop: Smallest share of the canvas's area that a crop keeps, above 0 and at most 1.
        stretch: Most that a crop's width may exceed its height, or the reverse, as a factor from 1.
        rotate: Largest turn, in degrees, from 0 to 180.
        shift: Largest move as a share of the size, for canvases no larger than the crop; from 0 to 0.5.
        warp: Largest tilt of the picture's plane, from 0 to 0.5.
        light: Largest change of brightness and of contrast, from 0 to 0.9.

    Raises:
        ConfigError: If an argument is out of its range.

    Example:
        >>> images = torch.randint(0, 256, (2, 3, 37, 37), dtype=torch.uint8)
        >>> Augment()(images, rows=np.array([5, 9]), size=32, seed=0, epoch=0).shape
        torch.Size([2, 3, 32, 32])

    Source:
        Random crops: Szegedy et al. 2015, arXiv:1409.4842. One resampling for all of it: Jaderberg et al. 2015,
        arXiv:1506.02025.
    """

    flip: bool = True
    flip_vertical: bool = False
    crop: float = 0.5
    stretch: float = 4 / 3
    rotate: float = 10.0
    shift: float = 0.0
    warp: float = 0.1
    light: float = 0.2

    def __post_init__(self) -> None:
        ranges = {"crop": (1e-3, 1), "stretch": (1, 10), "rotate": (0, 180), "shift": (0, 0.5)}
        ranges |= {"warp": (0, 0.5), "light": (0, 0.9)}
        wrong = {name: getattr(self, name) for name, (low, high) in ranges.items()
                 if not low <= getattr(self, name) <= high}  # fmt: skip
        if wrong:
            allowed = ", ".join(f"{name} from {ranges[name][0]:g} to {ranges[name][1]:g}" for name in wrong)
            given = ", ".join(f"{name}={value}" for name, value in wrong.items())
            raise ConfigError("An augmentation is out of its range.", given=given, fix=f"Allowed: {allowed}.")

    @classmethod
    def none(cls) -> Augment:
        """The centre of each canvas, unchanged."""
        return cls(flip=False, crop=1, stretch=1, rotate=0, warp=0, light=0)

    def __call__(self, images: torch.Tensor, *, rows: np.ndarray, size: int, seed: int, epoch: int) -> torch.Tensor:
        """The batch as one epoch of training sees it.

        Args:
            images: Canvases, uint8 `[batch, channels, side, side]`, on any device.
            rows: The items' numbers, int64 `[batch]`; they decide the draws, with `seed` and `epoch`.
            size: Side of the result, in pixels.
            seed: The run's seed.
            epoch: The epoch, from 0.

        Returns:
            float32 `[batch, channels, size, size]`, from 0 to 255.
        """
        if self == Augment.none():
            start = (images.shape[-1] - size) // 2
            return images[..., start : start + size, start : start + size].to(torch.float32)
        draws = _draws(rows, seed, epoch)
        matrices = self._matrices(draws, side=images.shape[-1], size=size, device=images.device)
        # Whole numbers cannot be interpolated.
        pixels = images.to(torch.float32)
        pixels = F.grid_sample(pixels, sampling_grid(matrices, size), padding_mode="reflection", align_corners=False)
        if not self.light:
            return pixels.clamp_(0, 255)
        change = to_device(torch.from_numpy((self.light * draws[:, 11:13]).astype(np.float32)), pixels.device)
        contrast, brightness = (1 + change).view(-1, 2, 1, 1, 1).unbind(1)
        # (pixels - 127.5) * contrast + 127.5 * brightness, in place: a copy of the batch costs as much as the sums.
        return pixels.mul_(contrast).add_(127.5 * (brightness - contrast)).clamp_(0, 255)

    def follow(
        self, targets: torch.Tensor, target: Target, *, side: int, size: int, rows: np.ndarray, seed: int, epoch: int
    ) -> torch.Tensor:
        """The targets of the same batch: what lies in the pictures is moved as they are, all else stays as it is.

        Takes what `target.place` gives, and the side of the canvases; else what the batch was called with.
        """
        # A function, so that nothing is drawn for targets of which nothing lies in the pictures.
        return target.moved(
            targets,
            lambda: self._matrices(_draws(rows, seed, epoch), side=side, size=size, device=targets.device),
            size,
        )

    def _matrices(self, draws: np.ndarray, *, side: int, size: int, device: torch.device) -> torch.Tensor:
        """From a place in the result to a place in the canvas, both in -1 to 1: float32 `[batch, 3, 3]`."""
        area, ratio, x, y, turn, mirror, mirror_vertical, tilt_x, tilt_y, move_x, move_y = draws[:, :11].T
        # The crop's sides as shares of the canvas's, how far it is free to move, and where its middle is.
        if self.crop < 1:
            length = np.sqrt(self.crop + (1 - self.crop) * (area + 1) / 2)  # the root: areas are drawn evenly
            # A crop that reached the canvas's edge would be cut to less than its area.
            stretch = np.clip(self.stretch ** (ratio / 2), length, 1 / length)
            width, height = length * stretch, length / stretch
            free, middle = (1 - width, 1 - height), 0.0
        else:
            # The centre that validation sees. It starts at a whole pixel: where an odd number of them is left over, its
            # middle is not the canvas's.
            width = height = np.full(len(draws), size / side)
            free, middle = (0.0, 0.0), (2 * ((side - size) // 2) + size) / side - 1
        cos, sin = np.cos(np.radians(self.rotate * turn)), np.sin(np.radians(self.rotate * turn))
        flip = np.where(self.flip & (mirror < 0), -1.0, 1.0)  # in the matrix, where it costs nothing
        flip_vertical = np.where(self.flip_vertical & (mirror_vertical < 0), -1.0, 1.0)
        matrices = np.zeros((len(draws), 3, 3), dtype=np.float32)
        matrices[:, 0, 0], matrices[:, 0, 1] = width * cos * flip, -width * sin * flip_vertical
        matrices[:, 1, 0], matrices[:, 1, 1] = height * sin * flip, height * cos * flip_vertical
        matrices[:, 0, 2] = middle + x * free[0] + 2 * self.shift * move_x
        matrices[:, 1, 2] = middle + y * free[1] + 2 * self.shift * move_y
        matrices[:, 2, 0], matrices[:, 2, 1], matrices[:, 2, 2] = self.warp * tilt_x, self.warp * tilt_y, 1
        return to_device(torch.from_numpy(matrices), device)


def resized(images: torch.Tensor, *, side: int) -> torch.Tensor:
    """Canvases `[batch, channels, side, side]` at another size, their finest details smoothed away where it is smaller.

    Takes uint8 on any device; gives uint8 on the processor, else float32 from 0 to 255.
    """
    # Accelerators have no such filter for whole numbers.
    pixels = images if images.device.type == "cpu" else images.float()
    return F.interpolate(pixels, size=(side, side), mode="bilinear", antialias=True, align_corners=False)


def _draws(rows: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """What is drawn for each row, uniform in -1 to 1, `[batch, draws]`."""
    return np.stack([generator(seed, "augment", epoch=epoch, row=int(row)).uniform(-1, 1, _DRAWS) for row in rows])


def sampling_grid(matrices: torch.Tensor, size: int) -> torch.Tensor:
    """Where each pixel of the result comes from: `[batch, size, size, 2]`."""
    steps = (torch.arange(size, device=matrices.device, dtype=torch.float32) * 2 + 1) / size - 1
    # What a matrix makes of a place is a sum of what it makes of its column and of its row.
    across = (matrices[:, :, 0, None] * steps)[:, :, None, :]
    down = (matrices[:, :, 1, None] * steps + matrices[:, :, 2, None])[:, :, :, None]
    places = across + down
    return (places[:, :2] / places[:, 2:]).permute(0, 2, 3, 1)
