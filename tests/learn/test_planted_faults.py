"""Planted faults are named, and labels are not blamed for them: few seeds of the benchmark."""

from __future__ import annotations

import pytest

from benchmarks import diagnosis

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("fault", diagnosis.FAULTS)
def test_planted_faults_are_named(fault: str) -> None:
    row = diagnosis.name_fault(fault, seeds=range(2))
    assert row["named"] == 2
    assert row["blamed"] == 0
