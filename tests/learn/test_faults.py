"""The whole list of faults, in processes of their own: few moments of each, where the benchmark tries many."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import faults


@pytest.mark.long
@pytest.mark.slow
def test_no_run_is_lost(tmp_path: Path) -> None:
    rows = faults.survive(tmp_path, kills=1, others=1, epochs=2, photos_a_class=8)
    assert [row["fault"] for row in rows if row["lost"]] == []
    assert sum(row["times tried"] for row in rows) == 1 + 2 + len(faults.PATCHES) - 1
