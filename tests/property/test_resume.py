"""A run in any number of pieces is the whole run."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import headway as hw
from tests.stopping import QUIET, Killed, same_bits, saves_counted, told

STEPS = 12
"""Of two calls: two epochs and one of four steps each."""


@cache
def data() -> hw.Data:
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (40, 12, 12), generator=draw, dtype=torch.uint8)
    columns: dict[str, Any] = {"image": [each.numpy() for each in pixels], "label": ["a", "b"] * 20}
    return hw.from_items(columns, input=hw.Image("image", size=12, channels=1), target=hw.Category("label"))


def model(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(400, 2),
        )


def train(learner: hw.Learner, *, calls: int) -> None:
    if calls < 1:
        learner.fit(2, lr=1e-2)
    if calls < 2:
        learner.fit(1, lr=1e-3, schedule="cosine")


@cache
def whole() -> hw.Learner:
    learner = hw.Learner(data(), model(), batch_size=8, **QUIET)
    train(learner, calls=0)
    return learner


def check(kills: list[tuple[int, bool]]) -> None:
    """Kills at the given saves, each counted from the start of its process, some with the file half written."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        for number, (save, half_done) in enumerate([*kills, (0, False)]):
            try:
                with saves_counted(error=Killed(), at=save, half_done=half_done):
                    if number == 0 or not (run / "config.json").exists():
                        run = Path(folder) / f"run-{number}"
                        learner = hw.Learner(data(), model(), run=run, batch_size=8, **QUIET)
                    else:
                        learner = hw.Learner.resume(run, data=data(), arch=model(number), progress=False)
                    train(learner, calls=len(learner.run.config.get("training", [])) if learner.run else 0)
            except Killed:
                continue
            break
        assert same_bits(learner.model, whole().model)
        assert told(learner.history) == told(whole().history)
        assert learner.run is not None
        assert len((learner.run.path / "history.jsonl").read_text().splitlines()) == 3


kills = st.lists(st.tuples(st.integers(1, STEPS + 3), st.booleans()), max_size=6)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kills)
def test_many_splits_of_a_run_are_the_whole(kills: list[tuple[int, bool]]) -> None:
    check(kills)
