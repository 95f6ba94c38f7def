from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import headway as hw
from headway.cli import app
from headway.data.decisions import Decision, append
from headway.errors import ConfigError
from headway.learner.comparison import compare_runs

NUM_ROWS = 200


def trained(run: Path, *, decisions: Path | None = None, target: str = "answer", epochs: int = 1) -> hw.Learner:
    draw = np.random.default_rng(0)
    table = pl.DataFrame({"a": draw.normal(size=NUM_ROWS).round(5), "b": draw.normal(size=NUM_ROWS).round(5)})
    table = table.with_columns(pl.when(pl.col("a") > 0).then(pl.lit("yes")).otherwise(pl.lit("no")).alias(target))
    learner = hw.Learner(hw.from_items(table, target=target, decisions=decisions), run=run, progress=False)
    learner.fit(epochs)
    return learner


@pytest.mark.slow
def test_runs_are_compared_where_no_decision_was_made(tmp_path: Path) -> None:
    before = trained(tmp_path / "before")
    judged = before.data.valid.items
    for row, content, answer in judged.select("row", "content", "answer").rows()[:5]:
        new = "no" if answer == "yes" else "yes"
        append(tmp_path / "d.jsonl", Decision(content=content, row=row, action="relabel", new=new, author="ada"))
    after = trained(tmp_path / "after", decisions=tmp_path / "d.jsonl", epochs=3)
    compared = compare_runs(before, after)
    contents = [set(one.data.valid.items.select("content", "answer").rows()) for one in (before, after)]
    assert compared.num_items == len(contents[0] & contents[1])
    assert compared.left_out >= 5
    assert compared.difference.low <= 100 * (compared.second - compared.first) <= compared.difference.high
    done = CliRunner().invoke(
        app, ["compare", str(tmp_path / "before"), str(tmp_path / "after")], catch_exceptions=False
    )
    assert done.stdout.strip() == compared.sentence
    same = compare_runs(before, before)
    assert (same.difference.value, same.left_out, same.p) == (0, 0, 1)


@pytest.mark.slow
def test_runs_that_predict_something_else_are_not_compared(tmp_path: Path) -> None:
    learners = [trained(tmp_path / name, target=name) for name in ("one", "other")]
    with pytest.raises(ConfigError) as error:
        compare_runs(learners[0], learners[1])
    assert error.value.what == "The runs do not predict the same thing."
    assert error.value.fix == "Compare runs with the same target and the same classes."
