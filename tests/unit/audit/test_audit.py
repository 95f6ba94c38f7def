"""Data that no model can be trained on are audited all the same, and the finding's line mends them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import headway as hw
from headway.cli import app
from headway.judge.diagnosis.finding import Finding

NUM_ROWS = 60


def table(num_rare: int) -> pl.DataFrame:
    numbers = np.random.default_rng(0).normal(size=NUM_ROWS).round(6)
    labels = ["rare"] * num_rare + ["no" if number < 0 else "yes" for number in numbers[num_rare:]]
    return pl.DataFrame({"size": numbers, "day": range(NUM_ROWS), "answer": labels})


def rare(findings: list[Finding]) -> Finding:
    [finding] = [finding for finding in findings if finding.kind == "rare_class" and finding.severity == "serious"]
    return finding


@pytest.mark.slow
def test_a_class_of_one_item_is_a_finding_and_its_line_mends_it() -> None:
    data = hw.from_items(table(1), target="answer")
    with pytest.raises(hw.DataError, match="Every class needs at least 4 readable items"):
        hw.Learner(data)
    finding = rare(data.audit().findings)
    assert finding.rows == [0]
    assert "1 of 3 classes have fewer than 4 items" in finding.sentence
    changed = data.rebuild(drop=finding.rows)
    assert changed.target.labels == ("no", "yes")
    hw.Learner(changed, progress=False)


@pytest.mark.slow
def test_a_class_on_one_side_alone_is_a_finding() -> None:
    items = table(8)
    data = hw.from_items(items, target="answer", split=hw.TimeSplit("day"))
    with pytest.raises(hw.DataError, match="no item of 'rare' in valid"):
        hw.Learner(data)
    assert '"rare" 8 (0 in valid)' in rare(data.audit().findings).sentence
    assert data.rebuild(split=hw.RandomSplit()).refusal is None


@pytest.mark.slow
def test_the_command_names_the_class_and_its_line_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table(2).write_csv("rows.csv")

    def audited(*arguments: str) -> list[dict[str, object]]:
        done = CliRunner().invoke(app, ["audit", *arguments, "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout.splitlines()[-1])["findings"]

    [line] = [one["line"] for one in audited("rows.csv", "--target", "answer") if one["severity"] == "serious"]
    assert isinstance(line, dict)
    again = audited(*shlex.split(line["command"])[2:])
    assert "serious" not in [one["severity"] for one in again]
