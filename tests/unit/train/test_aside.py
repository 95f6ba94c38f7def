from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.data.dataset import Part
from headway.train.aside import MIN_OF_CLASS, MOST_ASIDE, set_aside


def table(counts: dict[str, int], target: hw.Categories | str = "label") -> Part:
    """The training rows of a table with so many rows of each class; a row of each class is in valid."""
    labels = [label for label, count in counts.items() for _ in range(count)] + list(counts)
    split = ["train"] * sum(counts.values()) + ["valid"] * len(counts)
    items = pl.DataFrame({"x": range(len(labels)), "label": labels, "split": split})
    return hw.from_items(items, input=hw.Table(continuous=["x"]), target=target, split=hw.ColumnSplit("split")).train


def test_rows_set_aside_are_every_class_and_no_other_rows(digits_data: hw.Data) -> None:
    inside, aside = set_aside(digits_data.train, 0)
    assert sorted([*inside.rows, *aside.rows]) == sorted(digits_data.train.rows)
    assert len(aside) == pytest.approx(0.25 * len(digits_data.train), abs=5)
    counts = Counter(aside.items["label"])
    assert len(counts) == 10
    assert max(counts.values()) - min(counts.values()) <= 1
    again, _ = set_aside(digits_data.train, 0)
    other, _ = set_aside(digits_data.train, 1)
    assert np.array_equal(inside.rows, again.rows)
    assert not np.array_equal(inside.rows, other.rows)


def test_identical_rows_are_set_aside_together(digits_data: hw.Data) -> None:
    """Copies on both sides would judge what was learned by heart."""
    items = digits_data.train.items
    contents = [f"pair {number // 2}" for number in range(len(items))]
    pairs = items.sort("label").with_columns(content=pl.Series(contents, dtype=pl.String))
    inside, aside = set_aside(Part(digits_data, "train", pairs), 0)
    assert len(aside) > 0
    assert not set(inside.items["content"]) & set(aside.items["content"])


def test_so_few_rows_are_set_aside_as_the_recipe_says() -> None:
    """The others train: of many rows a tenth would be more than it takes to decide."""
    part = table({"a": 2500, "b": 1500})
    assert [len(set_aside(part, 0, most=most)[1]) for most in (200, MOST_ASIDE)] == [200, 400]
    counts = Counter(set_aside(part, 0, most=200)[1].items["label"])
    assert counts == {"a": 125, "b": 75}


@pytest.mark.parametrize("rare", [60, 200, 300])
def test_a_rare_class_still_has_rows_aside(rare: int) -> None:
    part = table({"often": 6000, "rare": rare})
    tenth, few = (Counter(set_aside(part, 0, most=most)[1].items["label"])["rare"] for most in (MOST_ASIDE, 200))
    assert few == pytest.approx(min(tenth, MIN_OF_CLASS), abs=1)


def test_labels_have_thresholds_chosen_on_a_tenth() -> None:
    part = table({"a": 2000, "b, c": 2000}, target=hw.Categories("label", sep=", "))
    assert len(set_aside(part, 0, most=200)[1]) == 400
