"""Planted faults are named, and labels are not blamed for them: one seed, where the benchmark has many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import diagnosis

pytestmark = [pytest.mark.slow, pytest.mark.long]

# Digits show the same, at a tenth of the time; what a lost second stage is told, `test_diagnose.py` asks.
_OF_DIGITS = {"photos, shuffled labels", "photos, near-copies in train", "photos, learning rate 1 in stage two"}
# `test_diagnosis.py` plants these in digits as well.
_TWICE = {
    "healthy digits",
    "learning rate 1e-6",
    "learning rate 30",
    "2 hidden units",
    "dead units",
    "overfitting, 100 digits",
}


@pytest.mark.parametrize("fault", [each for each in diagnosis.FAULTS if each not in _OF_DIGITS | _TWICE])
def test_planted_faults_are_named(
    fault: str, shared_data: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "PHOTO_SIZE", 80)
    if "photos" in fault:
        shared_data("cats_dogs")  # skips where there are none
    row = diagnosis.name_fault(fault, diagnosis.FAULTS[fault], seeds=range(1))
    assert row["named"] == 1
    assert row["blamed"] == 0
