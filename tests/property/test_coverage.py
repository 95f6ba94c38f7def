"""The small size of `benchmarks/coverage.py`: intervals hold, and verdicts are seldom false."""

from __future__ import annotations

import re

import pytest

from benchmarks import coverage


@pytest.mark.long
@pytest.mark.slow
def test_intervals_hold_and_verdicts_are_seldom_false(monkeypatch: pytest.MonkeyPatch) -> None:
    # As near to the truth as 500 items can tell; ten times as many take half of the time.
    monkeypatch.setattr(coverage, "_MANY", 20_000)
    monkeypatch.setattr(coverage, "_TRIED", 20_000)
    held, told = [], []
    for row in coverage.run(40, verdicts=60):
        cells = [
            value for name, value in row.items() if re.fullmatch(r"\d+ items|interval", name) and value != "not shown"
        ]
        # Of 40 draws of which few are shown, one miss says nothing.
        held += [float(cell.split()[0]) for cell in cells if "shown" not in cell]
        told += [float(row[name].split()[0]) for name in ("called better", "called worse") if name in row]
    assert sum(held) / len(held) > 94
    assert min(held) >= 80
    assert sum(told) / len(told) < 2.5
    assert max(told) <= 15
