"""Makes `v1.headway`, the golden bundle of format version 1: `python tests/bundles/make_v1.py`.

Once version 1 is released the file never changes again: every later Headway must open it. Its model compares the mean
of the red, the green and the blue channel, so that tests know what it must answer. Grey photos are
unfamiliar to it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from headway.bundle.export import export_bundle
from headway.bundle.out_of_distribution import Distance, Familiar
from headway.inputs.image.field import Image
from headway.targets.category.field import Category


class MeanColour(nn.Module):
    """A body that gives the mean of each channel, and a linear head."""

    def __init__(self, head: nn.Linear) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = head

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(inputs))


def familiar(head: nn.Linear) -> Familiar:
    """Knows photos in which one channel is strong and the others are weak or not there."""
    draw = np.random.default_rng(0)
    targets = torch.arange(300) % 3
    features = torch.from_numpy(draw.uniform(-0.06, 0.06, (300, 3)).clip(0).astype(np.float32))
    features[torch.arange(300), targets] = torch.from_numpy(draw.uniform(0.5, 1, 300).astype(np.float32))
    with torch.no_grad():
        distance = Distance(features, head(features), targets)
        found = distance(features, head(features)).numpy()
    return Familiar(distance=distance, valid_distances=found, num_rows=len(features))


def main() -> None:
    linear = nn.Linear(3, 3)
    linear.weight.data, linear.bias.data = 4 * torch.eye(3), torch.zeros(3)
    examples = np.zeros((3, 8, 8, 3), dtype=np.uint8)
    examples[[0, 1, 2], :, :, [0, 1, 2]] = np.array([255, 200, 150], dtype=np.uint8)[:, None, None]
    export_bundle(
        Path(__file__).with_name("v1.headway"),
        model=MeanColour(linear),
        prepare=nn.BatchNorm2d(3, eps=255.0**2, affine=False),
        input=Image("file", size=8),
        target=Category("label", labels=("red", "green", "blue")),
        examples=examples,
        manifest={"arch": "mean colour", "metrics": {"accuracy": {"value": 1.0, "low": 0.9, "high": 1.0}}},
        familiar=familiar(linear),
        card="# Red, green or blue\n\nAnswers with the colour that is strongest on average.\n",
    )


if __name__ == "__main__":
    main()
