"""A table's columns as numbers, categories or names."""

from __future__ import annotations

import polars as pl

from headway.inputs.table.column_values import column_values


def test_names_have_an_order_and_categories_none() -> None:
    items = pl.DataFrame({"name": ["a10", "a9", None, "b1"], "kind": ["x", "x", "x", "x"]})
    name, kind = column_values(items)
    assert name.is_names
    assert name.in_order()[[0, 1, 3]].tolist() == [1.0, 0.0, 2.0]
    assert not kind.is_names
    assert kind.in_order() is kind.values
