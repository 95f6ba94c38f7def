"""`headway predict` and `headway evaluate` for bundles of tables."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.bundle.export import export_bundle
from tests.unit.cli.conftest import Command

ROWS = pl.DataFrame(
    {"size": [0.5, 1.5, 2.5, 3.5] * 10, "kind": ["a", "b"] * 20, "y": ["low", "low", "high", "high"] * 10}
)
Bundle = Callable[..., Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Makes the bundle of a model that has not been trained, once for each target."""

    @cache
    def make(target: str) -> Path:
        data = hw.from_items(ROWS, target=target)
        learner = hw.Learner(data, progress=False, device="cpu")
        assert data.target.objective() is not None
        path = tmp_path_factory.mktemp(target) / "model.headway"
        parts = {"model": learner.model, "prepare": learner.prepare, "input": data.input, "target": data.target}
        examples = np.asarray(data.valid.canvases(range(3)))
        return export_bundle(path, **parts, examples=examples, manifest={}, card="")

    return make


@pytest.fixture
def bundle(made: Bundle, tmp_path: Path) -> Bundle:
    """A copy of such a bundle in a folder of the test's own."""
    return lambda target: Path(shutil.copy(made(target), tmp_path / "model.headway"))


@pytest.mark.slow
def test_a_line_a_row(headway: Command, bundle: Bundle, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("kind,size\na,0.5\nz,1.5\na,big\nb,\n")
    done = headway("predict", bundle("y"), new)
    lines = done.out.splitlines()
    assert done.status == 1
    assert [line.split(":")[0] for line in lines] == ["row 0", "row 1", "row 3"]
    assert lines[0].startswith(("row 0: low ", "row 0: high "))
    assert done.err.splitlines() == [
        "row 2: 'size' must be a number, not 'big'",
        "2 rows have values that training did not have: 'kind' is 'z', which training had too rarely or never (1); "
        "'size' is missing, as it never was in training (1)",
    ]


@pytest.mark.slow
def test_a_json_line_a_row(headway: Command, bundle: Bundle, tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv"):
        ROWS[:2].write_csv(tmp_path / name)
    done = headway("predict", "--json", bundle("y"), tmp_path / "one.csv", tmp_path / "two.csv")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [(Path(each["file"]).name, each["row"]) for each in found] == [
        ("one.csv", 0),
        ("one.csv", 1),
        ("two.csv", 0),
        ("two.csv", 1),
    ]
    assert set(found[0]["probabilities"]) == {"low", "high"}
    assert "notes" not in found[0]


@pytest.mark.slow
def test_numbers_are_shown_without_a_share(headway: Command, bundle: Bundle, tmp_path: Path) -> None:
    ROWS[:1].write_csv(tmp_path / "one.csv")
    done = headway("predict", bundle("size"), tmp_path / "one.csv")
    assert (done.status, done.err) == (0, "")
    float(done.out.removeprefix("row 0: "))


@pytest.mark.slow
@pytest.mark.parametrize(("target", "metric"), [("y", "accuracy"), ("size", "mae")])
def test_rows_with_an_answer_are_measured(
    headway: Command, bundle: Bundle, tmp_path: Path, target: str, metric: str
) -> None:
    ROWS.with_columns(pl.when(pl.int_range(40) > 0).then(target).alias(target)).write_csv(tmp_path / "rows.csv")
    done = headway("evaluate", "--json", bundle(target), tmp_path / "rows.csv")
    assert done.status == 0
    assert done.line["items"] == 39
    assert metric in done.line["metrics"]


@pytest.mark.slow
def test_another_column_may_hold_the_answer(headway: Command, bundle: Bundle, tmp_path: Path) -> None:
    ROWS.rename({"y": "truth"}).write_csv(tmp_path / "rows.csv")
    done = headway("evaluate", "--json", bundle("y"), tmp_path / "rows.csv", "--target", "truth")
    assert done.line["items"] == 40
    refused = headway("evaluate", bundle("y"), tmp_path / "rows.csv")
    assert refused.status == 2
    assert refused.err == (
        "headway: The table has no column 'y', the answers that the model is measured against.\n"
        f"  Given: {tmp_path / 'rows.csv'}, columns: size, kind, truth\n"
        "  Fix:   Name it: --target COLUMN. Without answers, use `headway predict`. Known: kind, size, truth.\n"
    )


@pytest.mark.slow
def test_what_is_no_table_of_rows_is_said(headway: Command, bundle: Bundle, tmp_path: Path) -> None:
    ROWS[:0].write_csv(tmp_path / "none.csv")
    assert headway("predict", bundle("y"), "none.csv").err == "none.csv: no rows\n"
    (tmp_path / "rex.png").write_bytes(b"\x89PNG")
    refused = headway("predict", bundle("y"), "rex.png")
    assert refused.status == 2
    assert refused.err == (
        "headway: The table cannot be read.\n  Given: rex.png (not a table, by its name and its first bytes)\n"
        "  Fix:   Give a CSV, TSV or Parquet file.\n"
    )
    ROWS.write_csv(tmp_path / "rows.csv")
    assert headway("evaluate", bundle("y"), "rows.csv", "--target", "size").err == (
        "headway: The column of answers must not be one that the model reads.\n  Given: --target size\n"
        "  Fix:   Name the column of labels.\n"
    )


@pytest.mark.slow
def test_rows_that_were_in_training_are_reported(headway: Command, bundle: Bundle, tmp_path: Path) -> None:
    model = bundle("y")
    new = pl.DataFrame({"size": [9.5, 8.5], "kind": ["a", "b"], "y": ["low", "high"]})
    pl.concat([ROWS[:6], new]).write_csv(tmp_path / "rows.csv")
    # Without the run's table nothing is known.
    assert headway("evaluate", "--json", model, tmp_path / "rows.csv").line["in_training"] is None
    ROWS.with_columns(pl.lit("train").alias("split")).write_parquet(tmp_path / "items.parquet")
    assert headway("evaluate", "--json", model, tmp_path / "rows.csv").line["in_training"] == 6
    lines = headway("evaluate", model, tmp_path / "rows.csv").out.splitlines()
    assert lines[:2] == ["8 items", "6 of 8 items were in training: on new data the model may be worse."]
    new.write_csv(tmp_path / "rows.csv")
    assert "in training" not in headway("evaluate", model, tmp_path / "rows.csv").out
