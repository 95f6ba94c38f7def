"""The whole list of faults, in processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import faults


@pytest.mark.slow
def test_no_run_is_lost(tmp_path: Path) -> None:
    rows = faults.survive(tmp_path, others=1)
    assert [row["fault"] for row in rows if row["lost"]] == []
    assert sum(row["times tried"] for row in rows) >= 27
    assert rows[0]["times tried"] == 20


@pytest.mark.slow
def test_checkpoints_cost_little() -> None:
    rows = faults.cost("clothing", epochs=1)
    if not rows:
        pytest.skip("no real photos")
    assert rows[0]["checkpoints"] >= 4
    # The goal is 0.01; other programs may be at the same disk.
    assert rows[0]["share"] < 0.03
