from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import headway as hw
from headway.judge.report.card import BLANK, card
from headway.judge.report.report import Report


@pytest.fixture(scope="module")
def report() -> Report:
    targets = np.arange(300) % 3
    given = np.where(np.arange(300) < 30, (targets + 1) % 3, targets)
    found = hw.judge_predictions(
        np.eye(3)[given] * 0.7 + 0.1,
        targets,
        items={"site": np.where(np.arange(300) < 60, "north", "south")},
        labels=["cat", "dog|fox", "new\nline"],
        slices=["site"],
        name="pets",
        seconds=12.0,
    )
    return replace(found, data=found.data | {"left_out": 4, "split": "random, seed 0", "fingerprint": "abc"})


def test_every_number_is_the_reports(report: Report) -> None:
    text = card(report)
    for name, each in report.parts["valid"].metrics.items():
        assert f"| valid | {name} | {each.value:.4f} | {each.low:.4f} to {each.high:.4f} |" in text
    for row in report.baselines:
        accuracy = row.metrics["valid"]["accuracy"]
        assert f"| {row.name} | {accuracy.value:.4f} | {accuracy.low:.4f} to {accuracy.high:.4f} |" in text
    assert report.slices is not None
    for each in report.slices.slices:
        assert f"| {each.name} | {each.count} | {each.metrics['accuracy'].value:.4f} |" in text
    for finding in report.findings:
        assert finding.sentence in text
    assert report.verdict.sentence in text
    assert report["calibration"].sentence in text


def test_data_are_counted(report: Report) -> None:
    assert "- Data: 300 items (300 valid); 4 left out; split: random, seed 0\n" in card(report)
    assert "- Fingerprint of the data: abc\n" in card(report)


def test_what_only_a_person_knows_is_a_marked_blank(report: Report) -> None:
    last = card(report).split("## To be filled in by hand\n\n")[1].splitlines()
    assert len(last) == 5
    assert all(line.endswith(f": {BLANK}") for line in last)
    assert f"## What it is for\n\n- Intended use and users: {BLANK}\n- Must not be used for: {BLANK}\n" in card(report)


def test_what_a_person_says_is_in_the_card_word_by_word(report: Report) -> None:
    text = card(
        report, intended_use="sorting\nphotos", misuse="medicine | law", sheet="# Data sheet\n\n- Licence: own\n"
    )
    assert "- Intended use and users: sorting photos\n- Must not be used for: medicine \\| law\n" in text
    assert text.endswith("\n\n# Data sheet\n\n- Licence: own\n")


def test_what_is_not_known_is_said(report: Report) -> None:
    text = card(report).partition("## What is not known")[2]
    assert text.startswith("\n\n- For whom the model is worse: no groups of people were compared.\n")


def test_what_was_not_looked_at_is_not_claimed(report: Report) -> None:
    text = card(replace(report, slices=None, worst_slices=None, sections={}, findings=[]))
    assert f"- No slices were evaluated: {BLANK}" in text
    assert "No problems found." in text
    assert "probabilities can be trusted" not in text


def test_names_cannot_break_the_tables(report: Report) -> None:
    text = card(report)
    assert "cat, dog\\|fox, new line" in text
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1


def test_what_could_not_be_computed_is_said(report: Report) -> None:
    alone = hw.judge_predictions(np.eye(3)[np.zeros(20, dtype=int)] * 0.7 + 0.1, np.zeros(20, dtype=int))
    text = card(alone)
    assert "| valid | auroc | not known |  |" in text
    assert "nan" not in text
