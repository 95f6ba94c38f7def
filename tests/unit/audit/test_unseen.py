from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import headway as hw


@pytest.mark.slow
def test_labels_of_the_row_before_are_found_and_put_back() -> None:
    draw = np.random.default_rng(0)
    numbers = draw.normal(size=(200, 2)).round(6)
    labels = np.where(numbers.sum(axis=1) > 0, "yes", "no")
    table = pl.DataFrame({"a": numbers[:, 0], "b": numbers[:, 1], "answer": np.roll(labels, 1)})
    data = hw.from_items(table, target="answer")
    [moved] = [one for one in data.audit().findings if "wrong row" in one.sentence]
    assert (moved.kind, moved.severity, moved.evidence["step"]) == ("label_noise", "serious", 1)
    again = data.rebuild(relabel=moved.suggestions)
    assert not [one for one in again.audit().findings if one.severity != "note"]
