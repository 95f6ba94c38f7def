from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.audit.build import item_audit
from headway.audit.shortcuts import check_shortcuts
from headway.judge.diagnosis.finding import DROP

NUM_TEXTS = 160


def texts_with_lines(share: float) -> hw.Data:
    """Texts of which those of one class begin with an empty line more often than the others."""
    draw = np.random.default_rng(0)
    labels = ["ham", "spam"] * (NUM_TEXTS // 2)
    has_line = [(draw.random() < share) == (label == "ham") for label in labels]
    words = [f"w{draw.integers(0, 50)} w{draw.integers(0, 50)} number {row}" for row in range(NUM_TEXTS)]
    texts = ["\n\n" * line + text for line, text in zip(has_line, words, strict=True)]
    items = pl.DataFrame({"text": texts, "label": labels})
    return hw.from_items(items, input=hw.Text("text"), target="label")


@pytest.mark.slow
def test_a_shortcut_is_gone_where_each_class_has_its_share_of_what_looks_alike() -> None:
    data = texts_with_lines(0.85)
    [finding] = check_shortcuts(item_audit(data), 0)
    assert finding.evidence["from"] == "blanks around the text and between lines"
    assert finding.line is not None
    assert finding.line.command == DROP.command
    changed = data.rebuild(drop=finding.rows)
    assert 40 <= len(changed.items) < NUM_TEXTS
    assert not check_shortcuts(item_audit(changed), 0)


@pytest.mark.slow
def test_where_nothing_would_be_left_no_line_is_promised() -> None:
    findings = check_shortcuts(item_audit(texts_with_lines(1.0)), 0)
    assert "serious" in {finding.severity for finding in findings}
    assert {finding.line for finding in findings} == {None}


@pytest.mark.slow
def test_rows_in_order_of_the_target_matter_where_a_column_counts_them() -> None:
    draw = np.random.default_rng(0)
    columns = {"number": [float(n) + 0.5 for n in range(120)], "size": draw.normal(size=120)}
    table = pl.DataFrame({**columns, "answer": ["no"] * 60 + ["yes"] * 60})
    [finding] = check_shortcuts(item_audit(hw.from_items(table, target="answer")), 0)
    assert finding.evidence["from"] == "row number"
    assert finding.line is not None
    assert finding.line.python == "data = data.rebuild(without=['number'])"
    assert not check_shortcuts(item_audit(hw.from_items(table, target="answer", without=["number"])), 0)
