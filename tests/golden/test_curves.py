"""A refactoring leaves the losses of three short runs where they were."""

from __future__ import annotations

import json

import pytest

from tests.golden.curves import EPOCHS, FILE, RUNS, curves

GOLDEN = json.loads(FILE.read_text())

TOLERANCE = 5e-3
"""Relative. Processors add in another order, which moves these losses by less than 1e-4; another draw of weights,
batches or augmentation moves them by more than a tenth."""


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_losses_are_those_of_before(name: str) -> None:
    found = curves(name)
    for part, losses in GOLDEN[name].items():
        assert found[part] == pytest.approx(losses, rel=TOLERANCE), part


def test_every_run_has_its_curves_and_learns() -> None:
    assert GOLDEN.keys() == RUNS.keys()
    for name, parts in GOLDEN.items():
        for losses in parts.values():
            assert len(losses) == EPOCHS, name
            assert losses[-1] < losses[0], name
