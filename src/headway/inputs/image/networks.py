"""What a model for photos is made of: a body, a head, the step that prepares its input, and parameter groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from headway.train.model import BodyAndHead

__all__ = ["Mirror", "MultiLevelBody", "Prepare", "multi_level", "small_resnet", "unmirrored"]

# Cells along each side that the last two levels are averaged over, the finest first.
GRIDS = ((3, 2), (2, 2), (2, 1), (1, 1))

# With more features than this a coarser grid is taken: the head's weights and the kept features grow with them.
MAX_FEATURES = 6000


class Prepare(nn.Module):
    """From pixels to what the body was trained on: `(pixel - mean) / std`, and nothing else.

    It travels with the weights and is part of the exported graph.

    Args:
        mean: One number a channel, in pixel values from 0 to 255.
        std: One number a channel, in pixel values, above 0.

    Example:
        >>> Prepare((127.0,), (128.0,))(torch.full((1, 1, 2, 2), 255, dtype=torch.uint8)).max().item()
        1.0
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels `[batch, channels, height, width]`, uint8 or float from 0 to 255, to float32 of the same shape."""
        # A copy of its own, changed in place: each further copy of a batch would cost as much as the arithmetic.
        return pixels.to(torch.float32, copy=True).sub_(self.mean).div_(self.std)


class Mirror(nn.Module):
    """Left and right swapped: images `[batch, channels, height, width]` to images of the same shape."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The mirrored images."""
        return images.flip(3)


class MultiLevelBody(nn.Module):
    """One of timm's models without a classifier, its features from its last levels as well as from its end.

    The pooled output of a body knows what ImageNet's classes needed. The maps before it still hold sleeves, seams and
    edges, and roughly where they are: averaged over a coarse grid and put beside the pooled output, they let a linear
    head tell apart what ImageNet never had to, at no further cost. Within the training photos of three sets the log
    loss of the head fell by a fifth to two fifths; see `docs/train.md`.

    Once it is mirrored, it gives the mean of the features of a photo and of its mirror image. That is an entry of its
    state: a body that loads the state is mirrored if the one was that gave it. While it trains it sees one of the two,
    as augmentation mirrors photos anyhow.

    Source:
        Evci et al. 2022, arXiv:2201.03529 (a head on features of all depths); here without choosing among them.
    """

    def __init__(self, body: Any, grids: Sequence[int]) -> None:
        super().__init__()
        self.body = body
        self.grids = tuple(grids)

    @property
    def num_pooled(self) -> int | None:
        """How many of the features, the first ones, are the pooled output; None where the body does not say."""
        return int(getattr(self.body, "head_hidden_size", 0)) or None

    @property
    def is_mirrored(self) -> bool:
        """Whether features are the mean of a photo's and its mirror image's, but while training."""
        return hasattr(self, "mirrored")

    def mirror(self) -> None:
        """Takes the mean of a photo's features and its mirror image's from now on."""
        # In the state, which a body without has not.
        self.register_buffer("mirrored", torch.tensor(True))

    def forward(self, inputs: torch.Tensor, *, is_alone: bool = False) -> torch.Tensor:
        """Prepared images `[batch, channels, size, size]` to `[batch, num_features]`, the pooled features first."""
        if self.is_mirrored and not self.training and not is_alone:
            # In float32, so that the mean is the same whether it is taken here or of features that were kept.
            alone, mirrored = (self.forward(images, is_alone=True).float() for images in (inputs, inputs.flip(3)))
            return (alone + mirrored) / 2
        last, levels = self.body.forward_intermediates(inputs, indices=len(self.grids))
        # The body's own way from its last map to features, which is not the same in all of timm's models.
        pooled = self.body.forward_head(last, pre_logits=True)
        cells = (F.adaptive_avg_pool2d(level, grid).flatten(1) for level, grid in zip(levels, self.grids, strict=True))
        return torch.cat([pooled, *cells], dim=1)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any, **options: Any) -> None:
        if self.is_mirrored:
            del self.mirrored
        if f"{prefix}mirrored" in state_dict:
            self.mirror()
        super()._load_from_state_dict(state_dict, prefix, *others, **options)


@contextmanager
def unmirrored(model: nn.Module) -> Iterator[None]:
    """A context in which a model looks at images alone, not at their mirror images as well."""
    bodies = [module for module in model.modules() if isinstance(module, MultiLevelBody) and module.is_mirrored]
    for body in bodies:
        del body.mirrored
    try:
        yield
    finally:
        for body in bodies:
            body.mirror()


def multi_level(body: nn.Module, images: torch.Tensor) -> nn.Module:
    """A body with the features of its last two levels, on the finest grid that keeps them few, or else the body itself.

    It is tried on two prepared images or more, float32 `[batch, channels, size, size]`.
    """
    for grids in GRIDS:
        wrapped = MultiLevelBody(body, grids)
        try:
            features = wrapped(images)
        # Architectures without such levels say so in many ways.
        except (AttributeError, AssertionError, RuntimeError, TypeError, ValueError, NotImplementedError):
            return body
        if features.shape[-1] <= MAX_FEATURES:
            return wrapped
    return body


class _Residual(nn.Module):
    """Two convolutions with a shortcut around them (He et al. 2016, arXiv:1512.03385, in its second form)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.shortcut = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False)
        # Each block starts as its shortcut alone, which makes the first steps safe (Goyal et al. 2017).
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


def small_resnet(channels: int, num_outputs: int, *, width: int = 16) -> BodyAndHead:
    """A residual network for small images (28 to 64 pixels), quick to train from scratch on a laptop.

    Each of its three stages doubles the channels of its first convolution, `width`.

    Example:
        >>> small_resnet(1, 10)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """
    body = nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        _Residual(width, 2 * width, stride=2),
        _Residual(2 * width, 4 * width, stride=2),
        _Residual(4 * width, 8 * width, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    return BodyAndHead(body, 8 * width, num_outputs)
