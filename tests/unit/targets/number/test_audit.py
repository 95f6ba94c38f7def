from __future__ import annotations

import numpy as np
import polars as pl

import headway as hw
from headway.judge.diagnosis.finding import Finding
from headway.judge.diagnosis.item_audit import Unseen
from headway.targets.number.audit import audit_numbers

NUM_ROWS = 200


def audited(answers: np.ndarray, predictions: np.ndarray | None = None, **columns: np.ndarray) -> dict[str, Finding]:
    sizes = np.random.default_rng(0).normal(size=len(answers)).round(6)
    table = pl.DataFrame({"size": sizes, **columns, "price": answers})
    data = hw.from_items(table, target=hw.Number("price"))
    said = answers if predictions is None else predictions
    unseen = Unseen(
        rows=np.arange(len(answers)), predictions=said[:, None], targets=data.placed, model="a model of a test"
    )
    return {finding.kind: finding for finding in audit_numbers(data, unseen)}


def prices() -> np.ndarray:
    return np.random.default_rng(1).normal(150, 20, NUM_ROWS).round(1)


def test_a_number_that_stands_for_a_missing_answer_is_a_warning() -> None:
    answers = prices()
    answers[[5, 9, 40]] = -999
    finding = audited(answers)["label_noise"]
    assert (finding.severity, finding.rows) == ("warning", [5, 9, 40])
    assert finding.sentence.startswith("Answers far from all others in 1.5% of the items (3): -999 in row 5 (others ")


def test_answers_that_models_do_not_believe_are_named() -> None:
    said = prices()
    answers = said + np.random.default_rng(2).normal(0, 3, NUM_ROWS)
    answers[::30] += np.where(np.arange(7) % 2, 130, -130)
    finding = audited(answers, said)["label_noise"]
    assert finding.severity == "warning"
    assert sorted(finding.rows) == list(range(0, NUM_ROWS, 30))


def test_errors_of_one_kind_are_no_wrong_answers() -> None:
    said = prices()
    assert "label_noise" not in audited(said + np.random.default_rng(2).laplace(0, 3, NUM_ROWS), said)


def test_copies_with_answers_far_apart_are_a_conflict() -> None:
    draw = np.random.default_rng(0)
    half = draw.normal(size=(NUM_ROWS // 2, 3)).round(6)
    columns = dict(zip("abc", np.concatenate([half, half]).T, strict=True))
    answers = np.tile(prices()[: NUM_ROWS // 2], 2)
    answers[100:106] += 60
    table = pl.DataFrame({**columns, "price": answers})
    finding = {one.kind: one for one in audit_numbers(hw.from_items(table, target=hw.Number("price")), None)}
    assert finding["label_conflict"].severity == "warning"
    assert sorted(finding["label_conflict"].rows) == [*range(6), *range(100, 106)]


def test_more_items_are_asked_for_where_errors_differ_much() -> None:
    said = prices()
    finding = audited(said + np.random.default_rng(2).normal(0, 3, NUM_ROWS), said)["little_validation_data"]
    # Errors of a normal distribution: their deviation is 0.76 of their mean.
    assert 700 < finding.evidence["wanted"] < 1100
    assert "of it wide" in finding.sentence
