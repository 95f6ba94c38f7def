from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.judge.diagnosis.finding import Finding
from headway.judge.diagnosis.item_audit import Unseen
from headway.judge.intervals import wilson
from headway.targets.category.audit import audit_labels, num_items_for

NUM_ROWS = 300


def audited(labels: list[str], probabilities: np.ndarray) -> dict[str, Finding]:
    numbers = np.random.default_rng(0).normal(size=len(labels)).round(6)
    data = hw.from_items({"a": numbers.tolist(), "label": labels}, target="label")
    unseen = Unseen(
        rows=np.arange(len(labels)), predictions=probabilities, targets=data.placed, model="models of a test"
    )
    return {finding.kind: finding for finding in audit_labels(data, unseen)}


def sure_of(answers: np.ndarray, num_classes: int) -> np.ndarray:
    draw = np.random.default_rng(1).uniform(0.8, 0.99, len(answers))
    other = (1 - draw) / (num_classes - 1)
    return np.where(np.eye(num_classes, dtype=bool)[answers], draw[:, None], other[:, None])


def test_labels_that_models_contradict_are_suspected() -> None:
    truth = np.arange(NUM_ROWS) % 3
    labels = np.where(np.arange(NUM_ROWS) < 18, (truth + 1) % 3, truth)
    finding = audited([f"class {label}" for label in labels], sure_of(truth, 3))["label_noise"]
    assert finding.severity == "warning"
    # Confident learning names those that are surer than is usual for the class.
    assert len(finding.evidence["rows"]) >= 12
    assert set(finding.evidence["rows"]) <= set(range(18))
    assert finding.evidence["suggested"][0] == f"class {truth[finding.evidence['rows'][0]]}"


def test_models_that_contradict_few_labels_are_believed_where_one_class_is_common() -> None:
    draw = np.random.default_rng(5)
    truth = (draw.random(NUM_ROWS) < 0.15).astype(np.int64)
    wrong = draw.permutation(NUM_ROWS)[: NUM_ROWS // 20]
    labels = truth.copy()
    labels[wrong] = 1 - truth[wrong]
    # Half of the contradictions are not so sure that confident learning would name them.
    probabilities = sure_of(truth, 2)
    probabilities[wrong[::2]] = 0.5 + 0.1 * np.sign(probabilities[wrong[::2]] - 0.5)
    suspects = audited([f"class {label}" for label in labels], probabilities)["label_noise"].evidence["rows"]
    assert set(suspects) == set(wrong.tolist())


def test_where_models_know_little_suspects_are_a_note() -> None:
    draw = np.random.default_rng(2)
    truth = draw.integers(0, 2, NUM_ROWS)
    answers = np.where(draw.random(NUM_ROWS) < 0.25, 1 - truth, truth)
    assert audited([f"class {label}" for label in truth], sure_of(answers, 2))["label_noise"].severity == "note"


def test_classes_that_nothing_separates_are_one() -> None:
    draw = np.random.default_rng(3)
    truth = np.arange(NUM_ROWS) % 3
    answers = np.where(truth == 0, 0, 1 + draw.integers(0, 2, NUM_ROWS))
    finding = audited([f"class {label}" for label in truth], sure_of(answers, 3))["one_class"]
    assert finding.evidence["labels"] == ["class 1", "class 2"]


def test_copies_with_different_labels_are_a_conflict() -> None:
    draw = np.random.default_rng(4)
    columns = {name: draw.normal(size=200).round(6) for name in "abcd"}
    table = pl.DataFrame({**columns, "label": ["no", "yes"] * 100})
    copies = table[:30].with_columns(pl.when(pl.arange(30) < 4).then(pl.lit("?")).otherwise("label").alias("label"))
    table = pl.concat([table, copies.with_columns(pl.col("a") + 3)]).with_columns(pl.col("label").replace("?", "yes"))
    found = {one.kind: one for one in audit_labels(hw.from_items(table, target="label"), None)}
    assert sorted(found["label_conflict"].evidence["rows"]) == [0, 2, 200, 202]


@pytest.mark.parametrize("accuracy", [0.5, 0.9, 0.99])
def test_so_many_items_narrow_the_interval_and_one_fewer_does_not(accuracy: float) -> None:
    count = num_items_for(accuracy, points=0.02)
    wide, narrow = (wilson(round(accuracy * number), number) for number in (count // 2, count))
    assert narrow.high - narrow.low <= 0.04 < wide.high - wide.low


def test_a_rare_label_that_is_a_slip_of_a_common_one_is_noted() -> None:
    labels = ["setosa", "virginica"] * 150
    labels[3], labels[8] = "virginca", "setossa"
    finding = audited(labels, sure_of(np.array([sorted(set(labels)).index(label) for label in labels]), 4))["one_class"]
    assert finding.severity == "note"
    assert finding.suggestions == {3: "virginica", 8: "setosa"}


def test_labels_that_nothing_tells_are_a_warning() -> None:
    draw = np.random.default_rng(3)
    truth = draw.integers(0, 2, NUM_ROWS)
    labels = [f"class {label}" for label in truth]
    assert "no_better_than_baseline" not in audited(labels, sure_of(truth, 2))
    finding = audited(labels, sure_of(draw.integers(0, 2, NUM_ROWS), 2))["no_better_than_baseline"]
    assert finding.severity == "warning"
    assert finding.sentence.startswith("Nothing in the items tells the label: models of a test put")
