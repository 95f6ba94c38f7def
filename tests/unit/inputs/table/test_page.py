"""The page's section on a table's columns."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.inputs.table.dependence import dependence
from headway.inputs.table.importance import importance
from headway.inputs.table.interpret import ColumnUse
from headway.inputs.table.page import uses
from headway.inputs.table.redundancy import redundancy

HOSTILE = "<script>alert(1)</script>"


def reported(items: pl.DataFrame) -> str:
    targets = np.arange(len(items)) % 2
    answers = np.eye(2)[targets] * 0.8 + 0.1

    def predict(rows: pl.DataFrame) -> np.ndarray:
        return np.resize(answers, (len(rows), 2))

    report = hw.judge_predictions(answers, targets)
    needed = importance(predict, items, targets, metrics=report.known)
    curves = tuple(dependence(predict, items, name, answer=HOSTILE) for name in items.columns)
    return uses(report, ColumnUse(part="valid", importance=needed, dependences=curves, redundancy=redundancy(items)))


def test_whatever_columns_are_called_is_escaped() -> None:
    items = pl.DataFrame({HOSTILE: [float(each) for each in range(40)], "kind": [HOSTILE, None] * 20})
    page = reported(items)
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;") > 3
    assert "(missing)" in page


@pytest.mark.slow
def test_columns_of_every_kind_many_and_the_same() -> None:
    columns = {f"x{place}": [float(each * (place + 1)) for each in range(30)] for place in range(20)}
    days = [date(2024, 1, 1 + each % 28) for each in range(30)]
    page = reported(pl.DataFrame({**columns, "day": days, "constant": [1.0] * 30}))
    assert "The other 7 columns" in page
    assert "These columns hold nearly the same" in page
    assert "2024-01-" in page
