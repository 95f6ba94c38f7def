from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from headway.errors import ConfigError, HeadwayError, ShapeError
from headway.judge.slices.report import judge_slices
from tests.judging import metrics_of

EVEN, FIRST = np.full((2, 2), 0.5), np.zeros(2, dtype=int)
ITEMS = pl.DataFrame({"site": ["a", "b"], "box": [[1], [2]]})


def message(kind: type[HeadwayError], call: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    assert type(caught.value) is kind
    return str(caught.value)


def test_items_that_do_not_fit() -> None:
    assert message(
        ShapeError, judge_slices, EVEN, FIRST, ITEMS.head(1), columns=["site"], labels=["a", "b"], metrics=metrics_of()
    ) == (
        "`items` must have a row for each prediction, and `labels` a name for each class.\n"
        "  Given: 1 items, 2 labels, predictions [2, 2]\n"
        "  Fix:   Pass the items that were predicted, in the same order, and all classes."
    )


@pytest.mark.parametrize("columns", [[], "site"])
def test_no_columns(columns: Any) -> None:
    assert message(
        ConfigError, judge_slices, EVEN, FIRST, ITEMS, columns=columns, labels=["a", "b"], metrics=metrics_of()
    ) == (f'`columns` must name the columns to slice by.\n  Given: columns={columns!r}\n  Fix:   Pass ["site"].')


def test_a_column_of_lists() -> None:
    assert message(
        ConfigError, judge_slices, EVEN, FIRST, ITEMS, columns=["box"], labels=["a", "b"], metrics=metrics_of()
    ) == (
        "Items cannot be grouped by this column.\n"
        "  Given: column 'box' of type List(Int64)\n"
        "  Fix:   Choose a column of text, numbers, dates or true and false."
    )
