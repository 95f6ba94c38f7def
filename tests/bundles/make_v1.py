"""Makes `v1.headway`, the golden bundle of format version 1: `python tests/bundles/make_v1.py`.

Once version 1 is released the file never changes again: every later Headway must open it. Its model compares the mean
of the red, the green and the blue channel, so that tests know what it must answer.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from headway.bundle.export import export_bundle
from headway.fields import Category, Image


def main() -> None:
    linear = nn.Linear(3, 3)
    linear.weight.data, linear.bias.data = 4 * torch.eye(3), torch.zeros(3)
    examples = np.zeros((3, 8, 8, 3), dtype=np.uint8)
    examples[[0, 1, 2], :, :, [0, 1, 2]] = np.array([255, 200, 150], dtype=np.uint8)[:, None, None]
    export_bundle(
        Path(__file__).with_name("v1.headway"),
        model=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear),
        prepare=nn.BatchNorm2d(3, eps=255.0**2, affine=False),
        input=Image("file", size=8),
        target=Category("label", labels=("red", "green", "blue")),
        examples=examples,
        manifest={"arch": "mean colour", "metrics": {"accuracy": {"value": 1.0, "low": 0.9, "high": 1.0}}},
        card="# Red, green or blue\n\nAnswers with the colour that is strongest on average.\n",
    )


if __name__ == "__main__":
    main()
