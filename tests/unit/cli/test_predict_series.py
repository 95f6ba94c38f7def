"""`headway predict` and `headway evaluate` for bundles of series, asked with a table of a row a moment."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.bundle.export import export_bundle
from tests.unit.cli.conftest import Command

BEATS = pl.DataFrame(
    [
        {
            "beat": f"b{beat:02d}",
            "time": moment,
            "volts": float(np.sin(moment * (1 + beat % 2))),
            "rhythm": "ab"[beat % 2],
        }
        for beat in range(20)
        for moment in range(9)
    ]
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = hw.from_items(BEATS, input=hw.Series("volts", id="beat", time="time"), target="rhythm")
    return export(data, tmp_path_factory.mktemp("beats") / "model.headway")


def export(data: hw.Data, path: Path) -> Path:
    """The bundle of a model that has not been trained."""
    learner = hw.Learner(data, "resnet1d", progress=False, device="cpu")
    parts = {"model": learner.model, "prepare": learner.prepare, "input": data.input, "target": data.target}
    return export_bundle(path, **parts, examples=np.asarray(data.valid.canvases(range(3))), manifest={}, card="")


@pytest.mark.slow
def test_each_series_is_named_by_its_id(headway: Command, bundle: Path) -> None:
    beats = BEATS.filter(pl.col("beat").is_in(["b07", "b03"]))
    beats.write_csv("beats.csv")
    lines = headway("predict", bundle, "beats.csv").out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["series b03", "series b07"]
    found = [json.loads(line) for line in headway("predict", "--json", bundle, "beats.csv").out.splitlines()]
    assert [answer["series"] for answer in found] == ["b03", "b07"]
    assert "row" not in found[0]
    # A table of a row a series has rows.
    _, items, _ = hw.Series("volts", id="beat", time="time").items_of(beats)
    items.write_parquet("items.parquet")
    assert headway("predict", "--json", bundle, "items.parquet").line["row"] == 1


@pytest.mark.slow
def test_a_column_a_moment_is_evaluated_as_it_was_trained_on(headway: Command, tmp_path: Path) -> None:
    wide = BEATS.pivot("time", index=["beat", "rhythm"], values="volts", sort_columns=False).drop("beat")
    wide.columns = ["rhythm", *(f"t{moment}" for moment in range(9))]
    data = hw.from_items(wide, input="t*", target="rhythm")
    bundle = export(data, tmp_path / "model.headway")
    wide.write_csv("wide.csv")
    assert headway("evaluate", bundle, "wide.csv").out.splitlines()[0] == "20 items"
    wide.with_columns(t3=pl.Series(["x", *["0.5"] * 19])).write_csv("wide.csv")
    done = headway("evaluate", bundle, "wide.csv")
    assert done.out.splitlines()[0] == "19 items, and 1 that cannot be read"
    assert done.err == "series 0: a series must be numbers, not 'x'\n"


@pytest.mark.slow
def test_a_series_that_cannot_be_read_is_named(headway: Command, bundle: Path) -> None:
    Path("beats.csv").write_text(BEATS.write_csv().replace("b03,4,", "b03,4,x"))
    problem = "series b03: a series must be numbers, not 'x"
    done = headway("predict", bundle, "beats.csv")
    assert (done.status, len(done.out.splitlines()), done.err[: len(problem)]) == (1, 19, problem)
    done = headway("evaluate", bundle, "beats.csv")
    assert (done.status, done.out.splitlines()[0]) == (1, "19 items, and 1 that cannot be read")
    assert done.err.startswith(problem)
