"""Faults in processes of their own: a moment of each, where the benchmark tries many."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import faults

# Signals and damaged files are tried in `tests/unit/cli/test_resume.py`.
FAULTS = {"killed at a random moment", *faults.PATCHES} - {"", "damaged checkpoint"}

# A whole bundle is written but for its graph: to make that takes five times as long as all else of such a run.
WITHOUT_GRAPH = """
import headway.bundle.export as bundles
def exported(served, target, input, inputs):
    served.distance = None
    return b"no graph", [served(inputs)[0].numpy()]
bundles._exported = exported
"""


@pytest.mark.long
@pytest.mark.slow
def test_no_run_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "PATCHES", {name: WITHOUT_GRAPH + patch for name, patch in faults.PATCHES.items()})
    rows = faults.survive(tmp_path, kills=1, others=1, faults=FAULTS, epochs=1, photos_a_class=6)
    assert [row["fault"] for row in rows if row["lost"]] == []
    assert sum(row["times tried"] for row in rows) == len(FAULTS)
