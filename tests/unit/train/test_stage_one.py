"""What the head's folds choose: features of maps held back, mirror images, larger photos."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import headway as hw
from headway.peel.facts import sha256_of
from headway.runs.repeat import copy_plan
from headway.train.fine_tune import fine_tune
from headway.train.history import History
from headway.train.model import BodyAndHead
from headway.train.stage import Setup
from headway.train.stage_one import HELD_BACK

MakeSetup = Callable[..., Setup]


class Pixels(nn.Module):
    """A body that gives the pixels, and mirrored those of the drawing laid over its mirror image."""

    def __init__(self) -> None:
        super().__init__()
        self.is_mirrored = False
        self.weight = nn.Parameter(torch.ones(()))

    def mirror(self) -> None:
        self.is_mirrored = True

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.is_mirrored and not self.training:
            inputs = (inputs + inputs.flip(3)) / 2
        return self.weight * inputs.flatten(1)


class BesideNoise(Pixels):
    """A body that gives the pixels as its pooled output and noise as that of its maps, or the other way round."""

    num_pooled = 28 * 28

    def __init__(self, *, is_pooled: bool) -> None:
        super().__init__()
        self.is_mirrored = True  # nothing else is to be tried
        self.is_pooled = is_pooled

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        pixels = self.weight * inputs.flatten(1)
        noise = torch.rand(pixels.shape, generator=torch.Generator().manual_seed(int(pixels.detach().abs().sum())))
        return torch.cat([pixels, noise] if self.is_pooled else [noise, pixels], dim=1)


class Grid(nn.Module):
    """A body that gives the mean colours of four quarters, of photos of any size or of one alone."""

    def __init__(self, side: int | None = None) -> None:
        super().__init__()
        self.side = side
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        assert self.side in (None, inputs.shape[-1])
        return self.weight * F.adaptive_avg_pool2d(inputs, 2).flatten(1)


@pytest.mark.slow
@pytest.mark.parametrize("is_pooled", [True, False])
def test_the_head_is_held_back_on_maps_where_it_does_better_so(is_pooled: bool, make_setup: MakeSetup) -> None:
    model, history = BodyAndHead(BesideNoise(is_pooled=is_pooled), 2 * 28 * 28, 10), History()
    features = fine_tune(make_setup(model), history, epochs=0)
    assert features.choices["held_back"] == ((28 * 28, HELD_BACK) if is_pooled else None)
    assert [note.startswith("The head goes by the network's last output more") for note in history.notes] == (
        [True] if is_pooled else []
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("worth", "augment", "epochs", "is_mirrored"),
    [
        # Digits are told apart by which side they are open to.
        (0.98, {"flip": True}, 1, False),
        pytest.param(100.0, {"flip": True}, 1, True, marks=pytest.mark.slow),
        (100.0, {"flip": True}, 0, False),
        (100.0, {"flip": False}, 1, False),
    ],
)
def test_mirror_images_are_looked_at_where_heads_do_better_so(
    worth: float,
    augment: dict[str, Any],
    epochs: int,
    is_mirrored: bool,
    make_setup: MakeSetup,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("headway.train.stage_one.WORTH_LOOKING", worth)
    model = BodyAndHead(Pixels(), 28 * 28, 10)
    setup, history = make_setup(model, augment=augment), History()
    features = fine_tune(setup, history, epochs=epochs, lr=1e-9)
    assert model.body.is_mirrored == is_mirrored
    told = [note for note in history.notes if note.startswith("The model looks at each item and at its mirror image")]
    assert len(told) == is_mirrored
    # What is kept of each part is what the body gives from now on.
    outputs, _ = setup.outputs(model.body, setup.data.valid)
    np.testing.assert_allclose(features.parts["valid"], outputs.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("worth", "minutes", "only", "size"),
    [
        pytest.param(100.0, 1.0, None, 64, marks=pytest.mark.slow),
        (0.0, 1.0, None, 32),
        (100.0, 1e-6, None, 32),
        (100.0, 1.0, 32, 32),
        (100.0, None, None, 32),
    ],
)
def test_photos_are_read_larger_where_there_is_time_and_heads_do_better_so(
    worth: float,
    minutes: float | None,
    only: int | None,
    size: int,
    photo_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("headway.train.stage_one.WORTH_LOOKING", worth)
    monkeypatch.setattr("headway.train.stage_one.GOOD_ENOUGH", 1.1)
    monkeypatch.setattr("headway.inputs.image.training_view.MAX_SIDE", 64)
    monkeypatch.setattr("headway.inputs.image.training_view.ENLARGING", 2)
    # Every layer trains in other tests.
    monkeypatch.setattr("headway.train.fine_tune.plan_within", lambda *given, **options: None)
    data = hw.from_folder(photo_folder({"cat": 20, "dog": 20}), size=32)
    model = hw.Model(BodyAndHead(Grid(only), 12, 2), pretrained="itself")
    learner = hw.Learner(data, model, run=tmp_path / "run", progress=False)
    learner.fine_tune(None if minutes else 1, minutes=minutes)
    told = [note for note in learner.history.notes if note.startswith("The model looks at pictures of")]
    assert (learner.data.input.shape[0], learner.setup.training_view.full_size, len(told)) == (size, size, size == 64)
    assert learner.features is not None
    outputs, _ = learner.setup.outputs(learner.model.get_submodule("body"), learner.data.valid)
    if minutes:
        np.testing.assert_allclose(learner.features.parts["valid"], outputs.numpy(), rtol=1e-4)
    if size == 32:
        return
    # A run that goes on, and the bundle, read them at the same size.
    again = hw.Learner.resume(tmp_path / "run", arch=hw.Model(BodyAndHead(Grid(only), 12, 2)), progress=False)
    assert again.data.input == learner.data.input
    assert sha256_of(again.model) == sha256_of(learner.model)
    assert hw.load(learner.export(tmp_path / "model.headway")).input == learner.data.input
    # A run that is repeated, on a machine that is slower now, does not measure anew what there is time for.
    monkeypatch.setattr("headway.train.stage_one._seconds_at", lambda *_: math.inf)
    assert learner.run is not None
    model = hw.Model(BodyAndHead(Grid(only), 12, 2), pretrained="itself")
    repeated = hw.Learner.resume(copy_plan(learner.run).path, arch=model, progress=False)
    assert sha256_of(repeated.model) == sha256_of(learner.model)
