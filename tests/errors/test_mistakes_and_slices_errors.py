from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from headway.errors import ConfigError, HeadwayError, ShapeError
from headway.judge.slices.report import judge_slices
from headway.targets.category.mistakes import confused_pairs, label_issues, sort_by_confusion
from tests.judging import metrics_of

EVEN, FIRST = np.full((2, 2), 0.5), np.zeros(2, dtype=int)
ITEMS = pl.DataFrame({"site": ["a", "b"], "box": [[1], [2]]})


def message(kind: type[HeadwayError], call: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    assert type(caught.value) is kind
    return str(caught.value)


@pytest.mark.parametrize(
    ("confusion", "given"),
    [(EVEN, "float64 [2, 2]"), (np.array([[1, -1], [0, 1]]), "int64 [2, 2], some negative"), (FIRST, "int64 [2]")],
)
def test_confusion(confusion: np.ndarray, given: str) -> None:
    assert message(ShapeError, sort_by_confusion, confusion) == (
        "`confusion` must hold counts, integers [classes, classes].\n"
        f"  Given: {given}\n"
        "  Fix:   Pass what `confusion_matrix` gives, not rates."
    )


def test_labels_of_a_confusion() -> None:
    assert message(ShapeError, confused_pairs, np.eye(2, dtype=int), ["a"]) == (
        "`labels` must name each class.\n"
        "  Given: 1 labels, 2 classes\n"
        "  Fix:   Pass one label a class, in the order of the model's outputs."
    )


def test_negative_number_of_pairs() -> None:
    assert message(ConfigError, confused_pairs, np.eye(2, dtype=int), ["a", "b"], n=-1) == (
        "`n` must not be negative.\n  Given: n=-1\n  Fix:   Pass how many to give at most."
    )


def test_rows() -> None:
    assert message(ShapeError, label_issues, EVEN, FIRST, np.arange(3), labels=["a", "b"]) == (
        "`rows` must hold the number of each item, integers [items].\n"
        "  Given: rows int64 [3], 2 items\n"
        "  Fix:   Pass the items' row numbers, in the same order."
    )


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
