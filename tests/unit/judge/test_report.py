from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headway.judge.baselines import BaselineResult, Rows, run_baselines
from headway.judge.intervals import mcnemar, paired_difference
from headway.judge.page import render
from headway.judge.report import Report, build_report, verdict

HISTORY = [
    {"stage": "one", "epoch": 1, "train_loss": None, "valid_loss": 0.5, "accuracy": 0.9, "lr": 0.0, "seconds": 3.0},
    {"stage": "two", "epoch": 1, "train_loss": 0.4, "valid_loss": 0.3, "accuracy": 0.92, "lr": 1e-3, "seconds": 5.0},
    {"stage": "two", "epoch": 2, "train_loss": 0.2, "valid_loss": 0.25, "accuracy": 0.95, "lr": 1e-4, "seconds": 5.0},
]
EVIL = '<script>alert("x")</script>'


def answers(targets: np.ndarray, wrong: slice, *, classes: int = 3) -> np.ndarray:
    """Probabilities that are right everywhere but in `wrong`."""
    given = targets.copy()
    given[wrong] = (given[wrong] + 1) % classes
    return np.eye(classes)[given] * 0.7 + 0.1


def baseline(name: str, probabilities: np.ndarray, part: str = "test") -> BaselineResult:
    return BaselineResult(name, {part: probabilities}, 0.25)


@pytest.fixture
def report() -> Report:
    """A model with 12 mistakes in 300, and with 5 in 60 on valid."""
    targets = {"valid": np.arange(60) % 3, "test": np.arange(300) % 3}
    rows = {part: Rows(targets=each) for part, each in targets.items()}
    return build_report(
        {"valid": answers(targets["valid"], slice(5)), "test": answers(targets["test"], slice(12))},
        targets,
        labels=["cat", EVIL, "dog & fox"],
        baselines=run_baselines(rows["valid"], rows, num_classes=3),
        history=HISTORY,
        settings={"arch": "tiny", "lr": 0.001, "runs": Path("runs")},
        data={"items": np.int64(360), "parts": {"valid": 60, "test": 300}, EVIL: EVIL},
        notes=[f"A note on {EVIL}."],
        seconds=42.0,
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "kind", "opening"),
    [
        (slice(0, 5), slice(0, 40), "better", "Better than the best baseline (second, 0.800): +17.5 points ["),
        (slice(0, 40), slice(0, 5), "worse", "Worse than the best baseline (second, 0.975): -17.5 points ["),
        (slice(0, 10), slice(6, 18), "indistinguishable", "Not distinguishable from the best baseline (second, 0.940)"),
    ],
)
def test_verdict(ours: slice, theirs: slice, kind: str, opening: str) -> None:
    targets = np.arange(200) % 3
    model, best = answers(targets, ours), answers(targets, theirs)
    found = verdict(
        model, targets, [baseline("first", answers(targets, slice(0, 150))), baseline("second", best)], part="test"
    )
    right, other = model.argmax(1) == targets, best.argmax(1) == targets
    assert (found.kind, found.baseline) == (kind, "second")
    assert found.sentence.startswith(opening)
    assert found.difference == paired_difference(right, other).scaled(100)
    assert found.p == mcnemar(right, other)


def test_the_interval_and_the_test_must_agree() -> None:
    targets = np.arange(280) % 3
    # Five items against none: the bootstrap's interval leaves out 0, McNemar's p is 0.0625.
    found = verdict(answers(targets, slice(0)), targets, [baseline("b", answers(targets, slice(5)))], part="test")
    assert found.difference.low > 0
    assert found.p == pytest.approx(0.0625)
    assert found.kind == "indistinguishable"
    assert found.sentence == (
        "Not distinguishable from the best baseline (b, 0.982): +1.8 points [0.4, 3.6], McNemar p = 0.062."
    )


def test_the_verdict_is_on_test_where_there_is_one(report: Report) -> None:
    targets = np.arange(60) % 3
    only = build_report(
        {"valid": answers(targets, slice(5))},
        {"valid": targets},
        labels=list("abc"),
        baselines=[baseline("b", answers(targets, slice(9)), "valid")],
    )
    assert (report.verdict_part, only.verdict_part) == ("test", "valid")
    assert report.baselines[0].metrics.keys() == report.parts.keys() == {"valid", "test"}


def test_the_report_has_the_numbers(report: Report) -> None:
    test = report.parts["test"]
    assert test.count == 300
    assert test.metrics["accuracy"].value == pytest.approx(0.96)
    assert test.confusion.tolist() == [[96, 4, 0], [0, 96, 4], [4, 0, 96]]
    assert [each.recall.value for each in test.per_class] == pytest.approx([0.96] * 3)
    assert report.verdict.kind == "better"
    assert [row.name for row in report.baselines] == ["majority class", "stratified"]
    assert report.baselines[0].difference.value == pytest.approx(100 * (0.96 - 1 / 3))


def test_text(report: Report) -> None:
    lines = str(report).splitlines()
    assert lines[0] == "test, 300 items  accuracy (95 % interval)   seconds"
    assert lines[1] == "majority class   0.333 [0.282, 0.388]           0.0"
    assert lines[3] == "this model       0.960 [0.931, 0.977]          42.0"
    assert lines[5:] == [report.verdict.sentence, f"A note on {EVIL}."]


def test_json_has_a_stable_form(report: Report, tmp_path: Path) -> None:
    saved = json.loads(report.save(tmp_path / "new" / "report.json").read_text(encoding="utf-8"))
    assert saved == report.to_json()
    assert list(saved) == [
        "schema_version",
        "task",
        "labels",
        "parts",
        "verdict_part",
        "baselines",
        "verdict",
        "history",
        "settings",
        "data",
        "notes",
        "seconds",
    ]
    assert saved["schema_version"] == 1
    assert list(saved["parts"]["test"]) == ["count", "metrics", "per_class", "confusion"]
    assert list(saved["parts"]["test"]["metrics"]["auroc"]) == ["value", "low", "high"]
    assert list(saved["baselines"][0]) == ["name", "seconds", "metrics", "difference", "p"]
    assert list(saved["verdict"]) == ["kind", "sentence", "baseline", "difference", "p"]
    assert saved["settings"]["runs"] == "runs"
    assert saved["data"]["items"] == 360


def test_json_of_what_is_not_known_is_null(report: Report, tmp_path: Path) -> None:
    targets = np.zeros(10, dtype=int)
    single = build_report(
        {"valid": answers(targets, slice(2))},
        {"valid": targets},
        labels=list("abc"),
        baselines=[baseline("b", answers(targets, slice(3)), "valid")],
        history=[HISTORY[0] | {"valid_loss": float("nan")}],
    )
    saved = json.loads(single.save(tmp_path / "report.json").read_text(encoding="utf-8"))
    assert saved["parts"]["valid"]["metrics"]["auroc"] == {"value": None, "low": None, "high": None}
    assert saved["history"][0]["valid_loss"] is None
    assert "nan" not in render(single)


def test_saving_replaces_the_whole_file_and_leaves_no_other(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.HTML"
    path.write_text("old")
    assert report.save(str(path)) == path
    assert path.read_text(encoding="utf-8") == render(report)
    assert [each.name for each in tmp_path.iterdir()] == ["report.HTML"]


def test_a_save_that_fails_keeps_the_old_file(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        report.save(path)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("report.json", "old")]


class _Page(HTMLParser):
    """What a page is made of, and whether its tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def of(self, tag: str) -> list[dict[str, Any]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_page_is_well_formed_and_told_to_all_readers(report: Report) -> None:
    page = _Page(render(report))
    assert page.open == []
    assert len(page.of("h1")) == 1
    assert len(page.of("h2")) == len(page.of("section")) == len(page.of("a")) == 7
    assert len(page.of("table")) == len(page.of("caption")) > 5
    assert all(attributes.get("scope") in ("row", "col") for attributes in page.of("th"))
    assert all("aria-label" in each or each.get("aria-hidden") == "true" for each in page.of("svg"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {each["href"].removeprefix("#") for each in page.of("a")} == set(ids)


def test_page_begins_with_the_verdict(report: Report) -> None:
    page = _Page(render(report))
    told = "".join(page.text)
    assert told.index("Is the model better") < told.index(report.verdict.sentence) < told.index("stratified")
    assert page.of("p")[0]["class"] == "verdict better"


def test_page_loads_nothing_and_runs_nothing(report: Report) -> None:
    text = render(report)
    page = _Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "embed", "form"}
    assert not re.search(r"https?:|//|@import|url\(|\son\w+=", text)
    assert page.of("meta")[2]["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_page_shows_names_as_they_are(report: Report) -> None:
    text = render(report)
    assert EVIL not in text
    shown = "".join(_Page(text).text)
    assert EVIL in shown
    assert "dog & fox" in shown
    assert f"A note on {EVIL}." in shown


def test_page_draws_each_epoch(report: Report) -> None:
    page = _Page(render(report))
    curves = [each for each in page.of("svg") if each.get("role") == "img"]
    assert [each["aria-label"] for each in curves] == [
        "Loss by epoch: training ends at 0.2; validation ends at 0.25",
        "Accuracy on validation by epoch: validation ends at 0.95",
    ]
    points = [len(each["points"].split()) for each in page.of("polyline")]
    assert points == [2, 3, 3]


def test_page_leaves_a_gap_where_a_value_is_lacking(report: Report) -> None:
    history = [HISTORY[1], HISTORY[2], HISTORY[1] | {"train_loss": None}, HISTORY[1], HISTORY[2], HISTORY[2]]
    page = _Page(render(replace(report, history=history)))
    assert [len(each["points"].split()) for each in page.of("polyline")] == [2, 3, 6, 6]


def test_page_without_history_has_no_curves(report: Report) -> None:
    page = _Page(render(replace(report, history=[], notes=[], data={})))
    assert [each["href"] for each in page.of("a")] == ["#baselines", "#metrics", "#classes", "#confusion", "#settings"]
    assert not page.of("polyline")
    assert not page.of("li")[5:]


def test_page_of_many_classes_shows_those_with_mistakes() -> None:
    targets = np.arange(400) % 40
    model = answers(targets, slice(0, 35), classes=40) / 4.7
    report = build_report(
        {"test": model / model.sum(1, keepdims=True)},
        {"test": targets},
        labels=[f"class {k}" for k in range(40)],
        baselines=[baseline("b", np.full((400, 40), 1 / 40))],
    )
    page = _Page(render(report))
    assert len(page.of("details")) == 1
    assert "Only the 30 classes with the most mistakes of 40." in "".join(page.text)
    assert len([each for each in page.of("td") if "title" in each]) == 30 * 30
