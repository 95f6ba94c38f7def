from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import headway as hw
from headway.errors import ConfigError
from headway.inputs.image.evidence import PhotoEvidence


class RedHere(nn.Module):
    """A convolution that looks for red, whose mean is the logit of the second class."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 1, 1, bias=False)
        self.convolution.weight.data = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        logit = torch.relu(self.convolution(inputs)).mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(logit), 20 * logit], dim=1)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Half of them with a red square in the upper left corner, all else nearly black."""
    images = np.random.default_rng(0).integers(0, 9, (40, 16, 16, 3), dtype=np.uint8)
    images[..., 0] = 0
    images[::2, :8, :8, 0] = 250
    return images


def learner_of(images: np.ndarray, model: nn.Module) -> hw.Learner:
    labels = ["red" if index % 2 == 0 else "black" for index in range(len(images))]
    return hw.Learner(hw.from_arrays(images, labels), model, progress=False)


def test_the_evidence_lies_where_the_network_finds_it(images: np.ndarray) -> None:
    evidence = learner_of(images, RedHere()).explain(images[0])
    assert isinstance(evidence, PhotoEvidence)
    assert evidence.answer == "red"
    assert evidence.image.shape == (16, 16, 3)
    assert evidence.heat[:7, :7].min() > 0.9
    assert evidence.heat[10:, 10:].max() == 0
    assert evidence.to_jpeg()[:3] == b"\xff\xd8\xff"
    assert 'alt="Evidence for red"' in evidence._repr_html_()


def test_errors_name_the_label_the_network_and_the_target(images: np.ndarray) -> None:
    with pytest.raises(ConfigError) as caught:
        learner_of(images, RedHere()).explain(images[0], label="rad")
    assert str(caught.value) == (
        "`label` must be one of the model's classes.\n  Given: label='rad'\n  Fix:   Did you mean \"red\"?"
    )
    with pytest.raises(ConfigError) as caught:
        learner_of(images, nn.Sequential(nn.Flatten(), nn.Linear(768, 2))).explain(images[0])
    assert str(caught.value) == (
        "Grad-CAM needs a convolutional network: one whose later layers keep height and width.\n"
        "  Given: Sequential\n"
        "  Fix:   Use an architecture such as efficientnet_lite0."
    )
    numbers = hw.from_arrays(images, np.arange(40) / 7)
    with pytest.raises(ConfigError) as caught:
        hw.Learner(numbers, nn.Sequential(nn.Flatten(), nn.Linear(768, 1)), progress=False).explain(images[0])
    assert str(caught.value) == (
        "Grad-CAM is for photos with one class each.\n"
        f"  Given: {numbers.target}\n"
        "  Fix:   Look at `learner.report()` instead."
    )
