from __future__ import annotations

import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from PIL import Image

import headway as hw
from headway.judge.diagnosis.finding import Finding
from headway.judge.report.page import render
from headway.judge.report.page.charts import ticks
from headway.judge.report.page.marks import percent
from headway.judge.report.report import Picture, Report
from headway.judge.verdict import views_gain
from headway.targets.category.learning_curve import learning_curve
from tests.judging import logistic

EVIL = '<script>alert("x")</script>'
LABELS = ["cat", EVIL, "dog & fox"]
EMPTY = {"meta", "img", "br"}
HISTORY: list[dict[str, Any]] = [
    {"stage": "head", "epoch": 1, "train_loss": None, "valid_loss": 0.5, "accuracy": 0.9, "lr": 0.0, "seconds": 3.0},
    {"stage": "all", "epoch": 1, "train_loss": 0.4, "valid_loss": 0.3, "accuracy": 0.92, "lr": 1e-3, "seconds": 5.0},
    {"stage": "all", "epoch": 2, "train_loss": 0.2, "valid_loss": 0.25, "accuracy": 0.95, "lr": 1e-4, "seconds": 5.0},
]


def jpeg(shade: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), shade, dtype=np.uint8)).save(file, "JPEG")
    return file.getvalue()


def predictions(classes: int = 3, items: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Answers of a model that is often right and not always sure."""
    draw = np.random.default_rng(0)
    targets = np.arange(items) % classes
    logits = draw.normal(size=(items, classes)) + 3 * np.eye(classes)[targets]
    weights = np.exp(logits)
    return weights / weights.sum(1, keepdims=True), targets


@pytest.fixture(scope="module")
def report() -> Report:
    """A report with something in every section, whose names all try to break out."""
    probabilities, targets = predictions()
    site = np.where(np.arange(300) < 80, EVIL, "north")
    probabilities[:40] = np.roll(probabilities[:40], 1, axis=1)
    draw = np.random.default_rng(0)
    features = (draw.normal(size=(300, 4)) + targets[:, None]).astype(np.float32)
    found = hw.judge_predictions(
        probabilities,
        targets,
        items={"site": site, "year": 2000 + np.arange(300) % 3},
        labels=LABELS,
        slices=["site"],
        history=HISTORY,
        notes=[f"A note on {EVIL}."],
        name=EVIL,
        seconds=42.0,
    )
    return replace(
        found,
        findings=[
            Finding("overfitting", "warning", EVIL, {"gap": 0.5, EVIL: EVIL}, ("more data", EVIL)),
            *found.findings,
        ],
        learning_curve=learning_curve(
            features[:200], targets[:200], features[200:], targets[200:], num_classes=3, solve=logistic(3)
        ),
        views_gain=views_gain(probabilities, np.eye(3)[targets], targets, part="valid", views=4, metrics=found.known),
        pictures={each.row: Picture(jpeg(50), jpeg(200)) for each in found["top_losses"]},
        settings={"arch": EVIL},
        data={"items": 300, EVIL: EVIL},
        versions={"python": "3.11"},
    )


class Page(HTMLParser):
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
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def of(self, tag: str) -> list[dict[str, Any]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.slow
def test_page_is_well_formed_and_told_to_all_readers(report: Report) -> None:
    page = Page(render(report))
    assert page.open == []
    assert len(page.of("h1")) == len(page.of("main")) == len(page.of("nav")) == len(page.of("header")) == 1
    assert page.of("html")[0]["lang"] == "en"
    assert len(page.of("section")) == 14
    assert len(page.of("table")) == len(page.of("caption")) > 10
    assert all(attributes.get("scope") in ("row", "col") for attributes in page.of("th"))
    assert all("aria-label" in each or each.get("aria-hidden") == "true" for each in page.of("svg"))
    assert all(each["alt"] for each in page.of("img"))
    assert len(page.of("img")) >= 24
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {each["href"].removeprefix("#") for each in page.of("a")} <= set(ids)
    assert {each["aria-labelledby"] for each in page.of("section")} <= set(ids)


def test_headings_leave_no_level_out(report: Report) -> None:
    levels = [int(tag[1]) for tag, _ in Page(render(report)).tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_verdict_and_diagnosis_come_first(report: Report) -> None:
    told = "".join(Page(render(report)).text)
    order = ["is the model good?", report.verdict.sentence, "A note on", "Overfitting", "What to try", "stratified"]
    places = [told.lower().index(each.lower()) for each in order]
    assert places == sorted(places)


def test_page_loads_nothing_and_runs_nothing(report: Report) -> None:
    text = render(report)
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "embed", "form"}
    assert all(each["src"].startswith("data:image/jpeg;base64,") for each in page.of("img"))
    without_photos = re.sub(r'src="data:[^"]*"', "", text)
    assert not re.search(r"https?:|//|@import|url\(|\son\w+=", without_photos)
    assert (
        page.of("meta")[2]["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
    )


def test_page_shows_names_as_they_are(report: Report) -> None:
    text = render(report)
    assert EVIL not in text
    shown = "".join(Page(text).text)
    assert shown.count(EVIL) > 20
    assert "dog & fox" in shown
    assert f"A note on {EVIL}." in shown


def test_curves_draw_each_epoch(report: Report) -> None:
    text = render(replace(report, learning_curve=None, sections={}))
    page = Page(text)
    labels = [each["aria-label"] for each in page.of("svg") if each.get("role") == "img"]
    assert labels == [
        "Loss: training ends at 0.2; validation ends at 0.25",
        "Accuracy on validation: validation ends at 0.95",
    ]
    points = [len(each["points"].split()) for each in page.of("polyline")]
    assert points == [2, 3, 3]


def test_curves_leave_a_gap_where_a_value_is_lacking(report: Report) -> None:
    history = [HISTORY[1], HISTORY[2], HISTORY[1] | {"train_loss": float("nan")}, HISTORY[1], HISTORY[2], HISTORY[2]]
    page = Page(render(replace(report, history=history, learning_curve=None, sections={})))
    assert [len(each["points"].split()) for each in page.of("polyline")] == [2, 3, 6, 6]


def test_an_epoch_alone_is_a_row_and_no_curve(report: Report) -> None:
    page = Page(render(replace(report, history=HISTORY[1:2], learning_curve=None, sections={})))
    assert not page.of("polyline")
    assert not [each for each in page.of("svg") if each.get("role") == "img"]
    assert "History by epoch." in "".join(page.text)


def test_sections_without_content_are_left_out(report: Report) -> None:
    bare = replace(
        report,
        history=[],
        notes=[],
        data={},
        versions={},
        settings={},
        findings=[],
        slices=None,
        worst_slices=None,
        learning_curve=None,
        views_gain=None,
        sections={},
    )
    page = Page(render(bare))
    assert [each["href"] for each in page.of("a")][1:] == [
        "#diagnosis",
        "#baselines",
        "#metrics",
        "#classes",
    ]
    assert "No problems found." in "".join(page.text)


def test_findings_tell_what_to_try_in_order(report: Report) -> None:
    remedies = ("more data", "more augmentation", "a smaller model")
    finding = Finding(
        "overfitting", "serious", "It learns by heart.", {"gap": {"value": 0.5, "low": 0.4, "high": None}}, remedies
    )
    text = render(replace(report, findings=[finding]))
    assert '<article class="finding serious">' in text
    places = [text.index(each) for each in ("More data", "More augmentation", "A smaller model")]
    assert places == sorted(places)
    assert "0.5 [0.4, –]" in text


def test_confusion_has_counts_and_shares(report: Report) -> None:
    counts = report.parts["valid"].confusion
    cells = re.findall(r'<td class="(?:hit|wrong)"[^>]*>([\d,]+) <small>(\d+)%</small>', render(report))
    expected = [
        (f"{counts[a, b]:,}", f"{counts[a, b] / counts[a].sum():.0%}".rstrip("%"))
        for a in report["confusion"].order
        for b in report["confusion"].order
        if counts[a, b]
    ]
    assert cells == expected


def test_page_of_many_classes_shows_those_with_mistakes() -> None:
    probabilities, targets = predictions(classes=40, items=800)
    page = Page(render(hw.judge_predictions(probabilities, targets, labels=[f"class {k}" for k in range(40)])))
    assert "Only the 30 classes with the most mistakes of 40." in "".join(page.text)
    assert len([each for each in page.of("td") if "title" in each]) == 30 * 30


def test_page_without_items_names_or_photos() -> None:
    probabilities, targets = predictions()
    text = render(hw.judge_predictions(probabilities, targets))
    assert ">Slices<" not in text
    assert "<h1>Report: is the model good?</h1>" in text
    assert "<img" not in text


def test_page_of_one_class_alone_has_dashes_and_no_nan() -> None:
    probabilities, _ = predictions()
    text = render(hw.judge_predictions(probabilities, np.zeros(300, dtype=np.int64), labels=LABELS))
    assert "nan" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL).lower()
    assert "–" in text


@pytest.mark.parametrize(
    ("share", "told"),
    [(0, "0.0%"), (0.0004, "&lt; 0.1%"), (0.5, "50.0%"), (0.9996, "&gt; 99.9%"), (1, "100.0%")],
)
def test_percent_never_says_certain_of_what_is_not(share: float, told: str) -> None:
    assert percent(share) == told


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.93, 0.99), (12, 1234), (-1, 1), (0.2, 1.0), (1e-4, 2e-4)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) <= 6
    assert all(low - 1e-9 <= each <= high + 1e-9 for each in found)
    assert all(len(f"{each:g}") <= 7 for each in found)
