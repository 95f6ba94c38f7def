"""A table's run as code: each layer trains to the same bits."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headway as hw
from tests.unit.peel.running import same_bits


def table(folder: Path, *, rows: int = 240) -> hw.Data:
    """Numbers and categories with gaps, one of many categories, and dates."""
    draw = np.random.default_rng(0)
    age, day = draw.normal(40, 12, rows).round(1), draw.integers(0, 900, rows)
    town = draw.integers(0, 12, rows)
    frame = pl.DataFrame(
        {
            "age": [None if number % 17 == 0 else value for number, value in enumerate(age.tolist())],
            "fare": draw.exponential(20, rows).round(2),
            "town": [None if number % 23 == 0 else f"town {value}" for number, value in enumerate(town.tolist())],
            "sex": draw.choice(["f", "m"], rows).tolist(),
            "joined": [date(2020, 1, 1) + timedelta(days=int(days)) for days in day],
            "answer": np.where(age + 3 * town + draw.normal(0, 5, rows) > 55, "yes", "no").tolist(),
        }
    )
    frame.write_csv(folder / "people.csv")
    return hw.from_csv(folder / "people.csv", target="answer")


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> hw.Learner:
    learner = hw.Learner(table(tmp_path_factory.mktemp("table")), batch_size=64, progress=False)
    learner.fine_tune(epochs=2)
    return learner


@pytest.mark.slow
@pytest.mark.parametrize(
    "layer", [*(pytest.param(layer, marks=pytest.mark.slow) for layer in ("method", "loop")), "torch"]
)
def test_a_table_trains_to_the_same_bits(layer: str, learner: hw.Learner, tmp_path: Path) -> None:
    assert same_bits(learner, layer, tmp_path)
