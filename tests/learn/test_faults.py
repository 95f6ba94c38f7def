"""Faults in processes of their own: a moment of each, where the benchmark tries many."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import faults

# Signals and damaged files are tried in `tests/unit/cli/test_resume.py`.
FAULTS = {"killed at a random moment", *faults.PATCHES} - {"", "damaged checkpoint"}


@pytest.mark.long
@pytest.mark.slow
def test_no_run_is_lost(tmp_path: Path) -> None:
    rows = faults.survive(tmp_path, kills=1, others=1, faults=FAULTS, epochs=1, photos_a_class=6)
    assert [row["fault"] for row in rows if row["lost"]] == []
    assert sum(row["times tried"] for row in rows) == len(FAULTS)
