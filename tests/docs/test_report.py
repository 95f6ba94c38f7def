"""docs/report.md describes report.json as it is, key by key."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import headway as hw
from headway.inputs.table.dependence import dependence
from headway.inputs.table.importance import importance
from headway.inputs.table.interpret import ColumnUse
from headway.inputs.table.redundancy import redundancy
from headway.judge.report.report import Section
from headway.judge.verdict import views_gain
from headway.targets.category.learning_curve import learning_curve
from tests.judging import logistic

PAGE = (Path(__file__).parents[2] / "docs" / "report.md").read_text().split("## report.json")[1]


def facts() -> dict[str, Any]:
    """A report in which no list is empty and nothing is null."""
    draw = np.random.default_rng(0)
    targets = np.arange(400) % 2
    probabilities = np.eye(2)[np.where(np.arange(400) < 60, 1 - targets, targets)] * 0.8 + 0.1
    site = np.where(np.arange(400) < 60, "north", "south")
    # The loss on valid rises while that on train falls, so there is a finding.
    losses = enumerate([(0.6, 0.5), (0.3, 0.45), (0.1, 0.8), (0.02, 1.2), (0.01, 1.6)], start=1)
    history = [
        {"stage": "all", "epoch": epoch, "train_loss": train, "valid_loss": valid, "accuracy": 0.85, "lr": 1e-3}
        for epoch, (train, valid) in losses
    ]
    report = hw.judge_predictions(
        probabilities, targets, items={"site": site}, slices=["site"], groups=["site"], history=history
    )
    features = draw.normal(size=(400, 3)) + targets[:, None]
    curve = learning_curve(
        features[:200], targets[:200], features[200:], targets[200:], num_classes=2, solve=logistic(2)
    )
    gain = views_gain(probabilities, np.eye(2)[targets], targets, part="valid", views=2, metrics=report.known)
    numbers = hw.judge_predictions(draw.normal(size=100), draw.normal(size=100), task="regression")
    table = pl.DataFrame({"x": draw.normal(size=400), "site": site})

    def predict(rows: pl.DataFrame) -> np.ndarray:
        return np.resize(probabilities, (len(rows), probabilities.shape[1]))

    needed = importance(predict, table, targets, metrics=report.known)
    curves = (dependence(predict, table, "site"),)
    columns = ColumnUse(part="valid", importance=needed, dependences=curves, redundancy=redundancy(table))
    of_table = {"columns": Section("", columns, lambda *_: "")}
    sections = report.sections | numbers.sections | of_table
    return replace(report, learning_curve=curve, views_gain=gain, sections=sections).to_json()


# What the facts of a table lack; tests/unit/inputs/text/test_words.py looks at it.
OF_TEXTS = {"words"}


def test_every_key_is_described_and_every_described_key_is_there() -> None:
    first, second = re.findall(r"(?:^\|.*\n)+", PAGE, flags=re.MULTILINE)
    found = facts()
    keys = re.findall(r"^\| `(\w+)` \|", first, flags=re.MULTILINE)
    assert [key for key in keys if key not in OF_TEXTS] == list(found)
    rows = re.findall(r"^\| `([\w.*\[\]]+)` \| (.+) \|$", second, flags=re.MULTILINE)
    assert len(rows) > 15
    for path, text in rows:
        if path.split("[")[0] in OF_TEXTS:
            continue
        value: Any = found
        for step in path.split("."):
            name, is_list = step.removesuffix("[]"), step.endswith("[]")
            value = next(iter(value.values())) if name == "*" else value[name]
            value = value[0] if is_list else value
        if isinstance(value, dict):
            named = set(re.findall(r"`(\w+)`", text))
            assert set(value) <= named, (path, set(value) - named)
