"""What data show of six sources of bias, and that what they cannot show is always said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from headway.judge.fairness.proxies import proxies
from headway.judge.fairness.rates import compare_groups_of, grouped
from headway.judge.fairness.sources import SOURCES, find_sources
from tests.judging import metrics_of
from tests.unit.judge.fairness.test_proxies import learned
from tests.unit.judge.fairness.test_report import LABELS, people


def test_each_source_says_what_no_data_show() -> None:
    probabilities, targets, table = people(600)
    grouping = grouped(table, ["race"])
    _, gaps, _ = compare_groups_of(probabilities, targets, grouping, metrics=metrics_of(), labels=LABELS)
    sources = find_sources(table, ["race"], gaps)
    assert [source.name for source in sources] == [*SOURCES]
    assert all(source.unknown and source.meaning for source in sources)
    shown = {source.name: source.shown for source in sources}
    assert shown["representation"][0].startswith("Of the 600 judged rows, by race: ")
    assert shown["deployment"] == shown["measurement"] == []


@pytest.mark.slow
def test_what_training_rows_show() -> None:
    known = learned(800)
    is_b = known.items["group"].to_numpy() == "b"
    draw = np.random.default_rng(0)
    income = (
        pl.Series("income", draw.normal(size=800))
        .to_frame()
        .select(pl.when(pl.Series((draw.random(800) < 0.4) & is_b)).then(None).otherwise("income").alias("income"))
    )
    known = replace(known, items=known.items.hstack(income))
    judged = pl.DataFrame({"group": ["a"] * 50 + ["b"] * 20 + ["c"] * 40})
    sources = find_sources(judged, ["group"], [], learned=known, proxies=proxies(known, "group"))
    shown = {source.name: " ".join(source.shown) for source in sources}
    assert "Judged, and in no training row: group = c." in shown["representation"]
    assert "income is missing most often for b and least for a, by group: difference 0.3" in shown["measurement"]
    assert "The model reads group itself." in shown["measurement"]
    assert "Proxies of group, by AUROC (0.5 by chance, 1 tells all): district (0." in shown["measurement"]
    assert "All other columns together tell group with an AUROC of 0.9" in shown["measurement"]
