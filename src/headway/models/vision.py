"""What a model for photos is made of: a body, a head, the step that prepares its input, and parameter groups."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["Prepare", "VisionModel", "depth_groups", "small_resnet"]


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
        return (pixels.float() - self.mean) / self.std


class VisionModel(nn.Module):
    """A body that turns an image into features, and a linear head that turns features into scores.

    A module of your own with these two attributes is fine-tuned in two stages like any other.

    Args:
        body: Images `[batch, channels, size, size]` to features `[batch, num_features]`.
        num_features: How many features the body gives.
        num_outputs: How many classes.
    """

    def __init__(self, body: nn.Module, num_features: int, num_outputs: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(num_features, num_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Prepared images `[batch, channels, size, size]` to logits `[batch, num_outputs]`."""
        return self.head(self.body(inputs))


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


def small_resnet(channels: int, num_outputs: int, *, width: int = 16) -> VisionModel:
    """A residual network for small images (28 to 64 pixels), quick to train from scratch on a laptop.

    Args:
        channels: Channels of the image, 1 or 3.
        num_outputs: How many classes.
        width: Channels after the first convolution; each of the three stages doubles them.

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
    return VisionModel(body, 8 * width, num_outputs)


def depth_groups(model: nn.Module, *, num_groups: int = 3) -> list[list[nn.Parameter]]:
    """A model's parameters from the first layers to the last, for lower rates on earlier layers.

    Args:
        model: Any module. Where a `body` and a `head` make up the whole of it, the head is the last group, alone;
            else there is one group.
        num_groups: How many groups the body is divided into at most, by count of parameter tensors.

    Returns:
        The groups, none of them empty.

    Source:
        Howard and Ruder 2018, arXiv:1801.06146 (discriminative fine-tuning).
    """
    body, head = getattr(model, "body", None), getattr(model, "head", None)
    if not isinstance(body, nn.Module) or not isinstance(head, nn.Module):
        return [list(model.parameters())]
    parameters = list(body.parameters())
    # Weights that both use belong to the body; weights that neither has would not be trained at all.
    last = [each for each in head.parameters() if all(each is not other for other in parameters)]
    if not last or len(parameters) + len(last) < len(list(model.parameters())):
        return [list(model.parameters())]
    size = max(1, -(-len(parameters) // num_groups))
    groups = [parameters[start : start + size] for start in range(0, len(parameters), size)]
    return [*groups, last]
