"""What the tests of training share: a small data set, modules that learn it in a moment, and settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from torch import nn

import headway as hw
from headway.inputs.image.augment import Augment
from headway.inputs.image.networks import Prepare
from headway.targets.category import metrics
from headway.train.precision import choose_precision
from headway.train.stage import Setup

Make = Callable[..., nn.Module]
MakeSetup = Callable[..., Setup]


@pytest.fixture(scope="session")
def digits_data(digits: Path) -> hw.Data:
    """160 training and 40 validation digits. Not to be changed."""
    return hw.from_folder(digits, input=hw.Image("file", size=28, channels=1))


@pytest.fixture(scope="session")
def other_labels(digits_data: hw.Data) -> hw.Data:
    """The same, each label in valid moved on by one; those in train as they were."""
    moved = [
        label if split == "train" else str((int(label) + 1) % 10)
        for label, split in digits_data.items.select("label", "split").iter_rows()
    ]
    return replace(digits_data, items=digits_data.items.with_columns(label=pl.Series(moved, dtype=pl.String)))


@pytest.fixture
def linear() -> Make:
    """Makes a plain module: normalisation and one layer."""

    def make(seed: int = 0) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(784, 10))

    return make


@pytest.fixture
def body_head() -> Make:
    """Makes a module with a body (random layers with normalisation and dropout) and a linear head."""

    def make(seed: int = 0, *, dropout: float = 0.1, width: int = 64) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            body = nn.Sequential(
                nn.Conv2d(1, 8, 5, stride=4, bias=False),
                nn.BatchNorm2d(8),
                nn.ReLU(),
                nn.Flatten(),
                nn.Dropout(dropout),
                nn.Linear(288, width),
                nn.ReLU(),
            )
            return _BodyHead(body, nn.Linear(width, 10))

    return make


class _BodyHead(nn.Module):
    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, head

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(inputs))


@pytest.fixture
def make_setup(digits_data: hw.Data) -> MakeSetup:
    """Makes what a run needs around a module, on the CPU in float32; anything may be said otherwise."""

    def make(model: nn.Module, **changes: Any) -> Setup:
        setup = Setup(
            data=digits_data,
            model=model,
            prepare=Prepare((127.5,), (127.5,)),
            objective=digits_data.target.objective(),
            metrics={"accuracy": metrics.METRICS.metrics["accuracy"].compute},
            precision=choose_precision(torch.device("cpu"), "float32"),
            training_view=digits_data.input.training_view(digits_data.target, Augment.none()),
            batch_size=32,
            seed=0,
        )
        if "augment" in changes:
            view = setup.data.input.training_view(setup.data.target, changes.pop("augment"))
            changes["training_view"] = view
        if "loss_fn" in changes:
            changes["objective"] = replace(setup.objective, loss_fn=changes.pop("loss_fn"))
        return replace(setup, **changes)

    return make
