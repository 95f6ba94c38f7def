"""Masks on the page: what is painted where, and a gallery with its legend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import headway as hw
from headway.judge.report.page import render
from headway.judge.report.report import Picture, Report

LABELS = ["pet", "<background>"]
MASK = hw.Mask("mask", classes=LABELS)


def report_of(items: int = 12) -> Report:
    draw = np.random.default_rng(0)
    targets = draw.integers(0, 2, size=(items, 8, 8)).astype(np.uint8)
    answers = np.where(draw.random(targets.shape) < 0.9, targets, 1 - targets).astype(np.uint8)
    return hw.judge_predictions(answers, targets, task="segmentation", labels=LABELS)


def test_wrong_pixels_are_red_and_unlabelled_ones_are_left() -> None:
    photo = np.full((1, 3, 3), 100, np.uint8)
    found = MASK.overlays(photo, np.array([[0, 1, 1]]), np.array([[0, 0, 255]]))
    assert list(found) == ["truth", "prediction", "errors"]
    assert all(each.shape == (1, 3, 3) and each.dtype == np.uint8 for each in found.values())
    assert found["truth"][0, 2].tolist() == [100, 100, 100]
    assert (found["truth"][0, 0] == found["prediction"][0, 0]).all()
    assert (found["truth"][0, 1] != found["prediction"][0, 1]).any()
    assert found["errors"][0].tolist() == [[100, 100, 100], [155, 45, 45], [100, 100, 100]]


def test_the_legend_escapes_names() -> None:
    text = MASK.legend()
    assert "&lt;background&gt;" in text
    assert "<background>" not in text
    assert "rgb(230, 159, 0)" in text


@pytest.mark.slow
def test_a_gallery_of_masks() -> None:
    report = report_of()
    row = report["far_items"][0].row
    drawn = {name: name.encode() for name in ("truth", "prediction", "errors")}
    section = report.sections["far_items"]
    shown = replace(report, pictures={row: Picture(b"photo", others=drawn, legend=MASK.legend())})
    text = section.html(shown, section.value)
    assert "truth, prediction, errors" in text
    assert text.count("<img") == 4
    assert f'alt="Row {row}: errors"' in text
    assert MASK.legend() in text


@pytest.mark.slow
def test_a_whole_report_on_masks() -> None:
    report = report_of()
    assert [each.label for each in report.parts[report.focus_part].per_class] == LABELS
    page = render(report)
    assert "Mean intersection over union" in page
    assert "<background>" not in page
