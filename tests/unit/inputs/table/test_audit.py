from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.audit.build import item_audit
from headway.inputs.table.units import find_unit
from headway.judge.diagnosis.finding import Finding

NUM_ROWS = 240


@pytest.mark.slow
def test_values_far_from_all_others_are_named() -> None:
    draw = np.random.default_rng(2)
    columns = {
        "age": draw.integers(18, 80, NUM_ROWS).astype(float),
        "height": draw.normal(170, 9, NUM_ROWS).round(),
        "price": draw.lognormal(3, 1, NUM_ROWS).round(2),
        "hours": np.where(draw.random(NUM_ROWS) < 0.9, 40.0, 20.0),
    }
    # An age that stands for none, a height in millimetres, a price without its decimal point.
    planted = {"age": (17, 999.0), "height": (40, 1_720.0), "price": (8, 2_000_000.0)}
    for name, (row, value) in planted.items():
        columns[name][row] = value
    data = hw.from_items({**columns, "answer": ["no", "yes"] * (NUM_ROWS // 2)}, target="answer")
    [finding] = [finding for finding in item_audit(data).findings() if finding.kind == "unlike_items"]
    assert finding.severity == "note"
    assert finding.evidence["rows"] == [8, 17, 40]
    assert {name: values["rows"] for name, values in finding.evidence["columns"].items()} == {
        name: [row] for name, (row, _) in planted.items()
    }
    assert finding.sentence.startswith(
        "Values far from all others in 1.2% of the rows (3): 'age' 999 in row 17 (others "
    )


def test_a_number_that_stands_for_a_missing_value_is_named() -> None:
    draw = np.random.default_rng(0)
    weights = np.where(draw.random(200) < 0.2, -999, draw.normal(75, 10, 200).round(1))
    items = {"weight": weights.tolist(), "hours": draw.choice([20, 40], 200).tolist(), "answer": ["no", "yes"] * 100}
    [far] = [one for one in item_audit(hw.from_items(items, target="answer")).findings() if one.kind == "unlike_items"]
    assert "'weight' -999 in row" in far.sentence
    assert far.evidence["columns"]["weight"]["count"] == int((weights == -999).sum())


@pytest.mark.slow
def test_a_column_of_the_targets_means_is_found() -> None:
    """The mean of each area, the row's own answer among them; and one that leaves it out."""
    draw, count = np.random.default_rng(0), 600
    answers, areas = draw.random(count) < 0.3, draw.integers(0, 200, count)
    sums, counts = np.bincount(areas, answers), np.bincount(areas)
    encoded = (sums / np.maximum(counts, 1))[areas]
    honest = (sums[areas] - answers + 0.3) / counts[areas]
    columns = {"size": draw.normal(size=count), "loss": draw.integers(0, 9, count) * 100.0}
    table = pl.DataFrame({**columns, "rate": encoded, "others": honest, "answer": np.where(answers, "yes", "no")})
    leaks = [one for one in item_audit(hw.from_items(table, target="answer")).findings() if one.kind == "leak"]
    [finding] = [one for one in leaks if "mean of their targets" in one.sentence]
    assert finding.severity == "serious"
    assert finding.evidence["columns"] == ["rate"]
    assert finding.line is not None
    assert finding.line.command == "headway train DATA --without rate"


def found(items: pl.DataFrame | dict[str, Any], kind: str, target: str = "answer") -> Finding:
    """The one finding of a kind in a table, whose line leaves none of it where it promises so."""
    data = hw.from_items(items, target=target)
    [finding] = [one for one in item_audit(data).findings() if one.kind == kind]
    if finding.line is not None and finding.line.solves:
        names = {"data": data}
        exec(finding.line.python, names)
        assert not [one for one in item_audit(names["data"]).findings() if one.kind == kind]
    return finding


@pytest.mark.parametrize(
    ("usual", "other", "name"),
    [
        ((170, 9), lambda values: values / 2.54, "inches and centimetres"),
        ((67, 3.5), lambda values: values * 2.54, "inches and centimetres"),
        ((1.7, 0.09), lambda values: values * 100, "a factor of 100"),
        ((37, 0.5), lambda values: values * 1.8 + 32, "°C and °F"),
        ((37, 0.5), lambda values: values + 273.15, "°C and K"),
    ],
)
def test_a_part_in_another_unit_is_found_and_converted(
    usual: tuple[float, float], other: Callable[[np.ndarray], np.ndarray], name: str
) -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(*usual, NUM_ROWS)
    values[::10] = other(values[::10])
    columns = {"size": values.round(2), "answer": ["no", "yes"] * (NUM_ROWS // 2)}
    finding = found(columns, "mixed_units")
    assert finding.evidence["units"] == name
    assert finding.evidence["rows"] == list(range(0, NUM_ROWS, 10))


@pytest.mark.parametrize("name", ["adult", "compas", "titanic"])
def test_columns_of_one_unit_are_left_in_peace(name: str, shared_data: Callable[[str], Path]) -> None:
    table = pl.read_csv(next(shared_data(name).glob("*.csv")), infer_schema_length=None)
    numbers = table.with_columns(pl.all().cast(pl.Float64, strict=False).fill_null(float("nan")))
    assert [column.name for column in numbers if find_unit(column.to_numpy())] == []


def test_rows_whose_values_stand_in_the_wrong_columns_are_named() -> None:
    draw = np.random.default_rng(0)
    rows = [
        [str(draw.integers(18, 80)), "ab"[row % 2] * 3, str(draw.integers(900, 2000)), ("no", "yes")[row % 2]]
        for row in range(120)
    ]
    for row in (7, 30, 31):
        rows[row][:3] = [rows[row][1], rows[row][2], ""]
        rows[row][2] = "x"
    finding = found(pl.DataFrame(rows, schema=["age", "job", "pay", "answer"], orient="row"), "odd_values")
    assert finding.severity == "warning"
    assert finding.evidence == {"columns": ["age", "pay"], "rows": [7, 30, 31]}
    assert "In 3 rows it is several columns at once" in finding.sentence


def test_dates_in_two_forms_are_named() -> None:
    days = [f"2024-03-{1 + row % 28:02d}" if row % 5 else f"{1 + row % 28:02d}/03/2024" for row in range(60)]
    finding = found({"day": days, "size": [1, 2, 3] * 20, "answer": ["no", "yes"] * 30}, "odd_values")
    assert finding.evidence["rows"] == list(range(0, 60, 5))


def test_a_category_in_several_spellings_is_one() -> None:
    jobs = ["cook", "smith", "baker", "cook", "smith", "Cook", "cook", "smith", "SMITH", "baker"] * 12
    finding = found({"job": jobs, "size": [1.5, 2, 3] * 40, "answer": ["no", "yes"] * 60}, "spellings")
    assert finding.evidence["columns"] == {"job": {"Cook": "cook", "SMITH": "smith"}}


def test_a_zero_far_below_all_others_stands_for_a_missing_value() -> None:
    draw = np.random.default_rng(0)
    ages, counts = draw.integers(18, 80, NUM_ROWS), draw.poisson(9, NUM_ROWS)
    ages[:9], counts[:9] = 0, 0
    far = found({"age": ages, "visits": counts, "answer": ["no", "yes"] * (NUM_ROWS // 2)}, "unlike_items")
    assert far.evidence["columns"].keys() == {"age"}
    assert far.evidence["rows"] == list(range(9))


def test_one_value_for_a_whole_class_is_a_leak() -> None:
    draw = np.random.default_rng(0)
    answers = np.where(draw.random(NUM_ROWS) < 0.25, "yes", "no")
    hours = np.where(answers == "yes", 40, draw.integers(20, 60, NUM_ROWS))
    # Many of one class have the least value honestly.
    drinks = np.where(answers == "yes", 0, draw.integers(0, 30, NUM_ROWS))
    table = pl.DataFrame({"hours": hours, "drinks": drinks, "answer": answers})
    data = hw.from_items(table, target="answer")
    leaks = [one for one in item_audit(data).findings() if one.kind == "leak" and "whole class" in one.sentence]
    assert [one.evidence["columns"] for one in leaks] == [["hours"]]


@pytest.mark.slow
def test_a_common_zero_beside_a_rare_class_is_no_mean_of_the_target() -> None:
    draw = np.random.default_rng(0)
    losses = np.where(draw.random(2000) < 0.97, 0, draw.integers(100, 4000, 2000))
    labels = np.array(["no", "yes", "perhaps"])[np.minimum(np.arange(2000) // 999, 2)]
    table = pl.DataFrame({"loss": losses, "size": draw.normal(size=2000), "answer": labels})
    audit = item_audit(hw.from_items(table, target="answer"))
    assert not [one for one in audit.findings() if "mean of their targets" in one.sentence]
