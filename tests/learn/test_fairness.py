"""COMPAS: the published dispute in numbers, as docs/fairness.md prints them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headway.judge.fairness.report import judge_fairness
from tests.judging import metrics_of

pytestmark = pytest.mark.slow

ROWS = ("base_rate", "false_positive_rate", "true_positive_rate", "precision")


def test_compas(shared_data: Callable[[str], Path]) -> None:
    people = pl.read_csv(shared_data("compas") / "compas-scores-two-years_deidentified.csv").filter(
        pl.col("days_b_screening_arrest").abs() <= 30,
        pl.col("is_recid") != -1,
        pl.col("c_charge_degree") != "O",
        pl.col("score_text") != "N/A",
    )
    assert len(people) == 6172
    risk = (people["decile_score"].to_numpy() + 1) / 11
    fairness = judge_fairness(
        np.stack([1 - risk, risk], axis=1),
        people["two_year_recid"].to_numpy(),
        people,
        columns=["race"],
        metrics=metrics_of(),
        labels=["not arrested", "arrested"],
    )
    groups = {group.where["race"]: group for group in fairness.groups}
    shown = [groups[name] for name in ("African-American", "Caucasian")]
    page = (Path(__file__).parents[2] / "docs" / "fairness.md").read_text()
    printed = re.findall(r"^\| .+ \| (\d\.\d{3} \[.+?\]) \| (\d\.\d{3} \[.+?\]) \|$", page, flags=re.MULTILINE)
    assert printed == [tuple(str(group.rates[name]) for group in shown) for name in ROWS]
    assert [f"{group.count:,} people" in page for group in shown] == [True, True]
    verdicts = {gap.measure: gap.verdict for gap in fairness.gaps}
    assert verdicts["false_positive_rate"] == verdicts["base_rate"] == "differ"
    assert verdicts["precision"] == "no measurable difference"
    [conflict] = fairness.conflicts
    assert conflict.groups == ("Caucasian", "African-American")
