from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import headway as hw
from headway.audit.build import item_audit
from headway.audit.shortcuts import check_shortcuts

NUM_SERIES = 80


def data(*, is_longer: bool = False, num_flat: int = 0) -> hw.Data:
    draw = np.random.default_rng(0)
    lengths = [int(draw.integers(40, 50)) + 15 * (is_longer and n % 2) for n in range(NUM_SERIES)]
    series = [draw.normal(size=length).cumsum().tolist() for length in lengths]
    for number in range(num_flat):
        series[number] = [2.0] * 45
    items: dict[str, Any] = {"series": series, "label": ["a", "b"] * (NUM_SERIES // 2)}
    return hw.from_items(items, input=hw.Series("series"), target="label")


@pytest.mark.slow
def test_a_length_that_goes_with_the_class_is_a_shortcut() -> None:
    [finding] = check_shortcuts(item_audit(data(is_longer=True)), 0)
    assert finding.evidence["from"] == "the length of the series"
    assert finding.severity == "serious"
    assert not check_shortcuts(item_audit(data()), 0)


def test_series_that_never_change_are_found_and_can_be_left_out() -> None:
    [finding] = item_audit(data(num_flat=3)).findings()
    assert finding.sentence == "The same number at every moment: 3 of 80 series (3.8%)."
    assert finding.rows == [0, 1, 2]
    assert not item_audit(data(num_flat=3).rebuild(drop=finding.rows)).findings()
