from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.judge.diagnosis.finding import Finding
from headway.judge.diagnosis.unequal_groups import check_groups
from headway.judge.report.inputs import ReportInputs
from headway.judge.report.report import Report
from headway.predictions import Predictions
from tests.judging import target_of


def judged(answers: np.ndarray, targets: np.ndarray, sites: np.ndarray, **options: object) -> Report:
    classes = int(targets.max()) + 1
    probabilities = np.full((len(targets), classes), 0.2 / (classes - 1))
    probabilities[np.arange(len(targets)), answers] = 0.8
    items = {"site": sites, "patient": np.arange(len(sites)) // 4}
    arguments = {"items": items, "labels": ["no", "yes", "maybe"][:classes], "slices": ["site"], **options}
    return hw.judge_predictions(probabilities, targets, **arguments)  # type: ignore[arg-type]


def unequal(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.kind == "unequal_groups"]


def missed(share: float, items: int = 800) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """In group A a share of the no's are missed, in group B of the yes's: both have the same accuracy."""
    sites, targets = np.repeat(["A", "B"], items // 2), np.tile([0, 1], items // 2)
    is_missed = (np.arange(items) // 2 % 100 < 100 * share) & (targets == (sites == "B"))
    return np.where(is_missed, 1 - targets, targets), targets, sites


def test_equal_accuracy_hides_unequal_errors() -> None:
    report = judged(*missed(0.2))
    assert report.slices is not None
    assert [part.metrics["accuracy"].value for part in report.slices.slices] == [0.9, 0.9]
    [finding] = unequal(report)
    assert (finding.severity, finding.title) == ("warning", "groups are served unequally")
    assert finding.sentence == (
        'On valid the recall of class "yes" is 20.0 points [12.0, 27.0] lower for site = B than for site = A.'
    )
    assert finding.remedies[0] == 'check how the items of class "yes" with site = B were recorded and labelled'
    assert {key: finding.evidence[key] for key in ("column", "label", "lowest", "highest")} == {
        "column": "site",
        "label": "yes",
        "lowest": "B",
        "highest": "A",
    }
    opportunity = report.slices.disparities[1].value
    assert finding.evidence["difference"] == opportunity.to_json()
    assert "Found: 1 warning." in str(report)


def test_the_first_of_two_classes_counts_too() -> None:
    _, targets, sites = missed(0.2)
    is_missed = (np.arange(800) % 10 < 4) & (targets == 0) & (sites == "A")
    [finding] = unequal(judged(np.where(is_missed, 1, targets), targets, sites))
    assert 'recall of class "no" is 40.0 points' in finding.sentence
    assert "lower for site = A than for site = B" in finding.sentence


def test_of_three_classes_the_clearest_is_named() -> None:
    targets, sites = np.arange(1200) % 3, np.repeat(["A", "B"], 600)
    is_missed = (targets == 2) & (sites == "B") & (np.arange(1200) // 3 % 3 == 0)
    [finding] = unequal(judged(np.where(is_missed, 0, targets), targets, sites))
    assert finding.evidence["label"] == "maybe"


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_small_differences_are_no_finding(share: float) -> None:
    """The interval of 10 points on 200 items a class and group reaches below 5."""
    assert unequal(judged(*missed(share))) == []


def test_a_class_that_is_commoner_in_a_group_is_no_finding() -> None:
    sites = np.repeat(["A", "B"], 400)
    targets = (np.arange(800) % 10 < np.where(sites == "A", 2, 8)).astype(int)
    report = judged(targets, targets, sites)
    assert report.slices is not None
    assert report.slices.disparities[0].value.low > 0.4
    assert unequal(report) == []


@pytest.mark.slow
def test_only_of_columns_that_are_named_and_of_items_that_are_independent() -> None:
    assert unequal(judged(*missed(0.2), slices=())) == []
    assert unequal(judged(*missed(0.2), clusters="patient")) == []


def test_healthy_reports_hardly_ever_raise_it() -> None:
    raised, target = 0, target_of(labels=["no", "yes", "maybe"])
    for seed in range(100):
        draw = np.random.default_rng(seed)
        targets, sites = draw.integers(3, size=400), draw.choice(list("ABC"), 400)
        answers = np.where(draw.random(400) < 0.75, targets, draw.integers(3, size=400))
        items = pl.DataFrame({"site": sites})
        valid = Predictions(rows=np.arange(400), predictions=np.eye(3)[answers], targets=targets, items=items)
        inputs = ReportInputs(target=target, metrics=target.metrics(), parts={"valid": valid}, slices=["site"])
        raised += len(check_groups(inputs))
    assert raised <= 5
