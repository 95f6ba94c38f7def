"""A number learned from a table, as code: each layer trains to the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headway as hw
from tests.unit.peel.running import same_bits


def trained(**options: Any) -> hw.Learner:
    draw = np.random.default_rng(0)
    numbers = draw.normal(size=(120, 3)).round(3)
    target = 5 + np.tanh(numbers[:, 0] + draw.normal(0, 0.1, 120))
    columns = {**{f"x{place}": numbers[:, place].tolist() for place in range(3)}, "size": target.round(3).tolist()}
    data = hw.from_items(columns, target=hw.Number("size", **options))
    learner = hw.Learner(data, batch_size=32, progress=False)
    learner.fine_tune(epochs=1)
    return learner


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"low": 0.0}, {"high": 9.0}, {"low": 0.0, "high": 10.0}])
def test_a_number_trains_to_the_same_bits(options: dict[str, float], tmp_path: Path) -> None:
    learner = trained(**options)
    assert same_bits(learner, "torch", tmp_path)
    assert same_bits(learner, "loop", tmp_path)


@pytest.mark.slow
def test_as_calls(tmp_path: Path) -> None:
    assert same_bits(trained(low=0.0), "method", tmp_path)
