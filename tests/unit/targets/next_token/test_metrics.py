"""Bits a character: the value, each text's part, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import headway as hw
from headway.errors import DataError, ShapeError
from headway.judge.baselines.base import BaselineData
from tests.judging import metrics_of

KNOWN = metrics_of("language")
ANSWERS, TARGETS = np.array([[300.0, 60], [90, 30], [0, 0]]), np.array([[100.0], [50], [0]])


def test_long_texts_count_more() -> None:
    assert KNOWN.score(ANSWERS, TARGETS) == pytest.approx(390 / 150)
    assert KNOWN.score(ANSWERS, TARGETS, name="perplexity") == pytest.approx(2 ** (390 / 90))
    parts = KNOWN.by_item(ANSWERS, TARGETS)
    assert parts.mean() == pytest.approx(390 / 150)


def test_parts_say_what_leaving_a_text_out_changes() -> None:
    draw = np.random.default_rng(0)
    targets = draw.integers(50, 100, (200, 1)).astype(float)
    answers = np.hstack([targets * draw.normal(2, 0.3, (200, 1)), targets])
    parts, whole = KNOWN.by_item(answers, targets), KNOWN.score(answers, targets)
    without = np.array([KNOWN.score(np.delete(answers, row, 0), np.delete(targets, row, 0)) for row in range(200)])
    np.testing.assert_allclose(parts, 200 * whole - 199 * without, atol=0.02)


def test_a_report_of_bits_that_came_from_elsewhere() -> None:
    targets = np.full((60, 1), 100.0)
    answers = np.hstack([targets * np.linspace(1.5, 2.5, 60)[:, None], targets])
    report = hw.judge_predictions(answers, targets, task="language")
    assert report.verdict.kind == "better"
    assert report.verdict.baseline == "uniform"
    assert report.parts["valid"].metrics["bits_per_character"].value == pytest.approx(2)


def test_what_cannot_be_bits_is_refused() -> None:
    with pytest.raises(ShapeError) as caught:
        KNOWN.score(np.ones((2, 1)), np.ones((2, 1)))
    assert str(caught.value) == (
        "`answers` must be the bits and tokens of texts, [items, 2], and `targets` their characters, [items, 1].\n"
        "  Given: answers [2, 1], targets [2, 1]\n"
        "  Fix:   Pass one answer for each target, in the same order."
    )
    with pytest.raises(DataError) as refused:
        KNOWN.score(np.array([[-1.0, 2.0]]), np.array([[5.0]]))
    assert str(refused.value) == (
        "Bits, tokens and characters must be finite and not negative, and some of the texts must have characters.\n"
        "  Given: 1 items\n"
        "  Fix:   Leave such items out."
    )


def test_the_column_must_hold_texts() -> None:
    with pytest.raises(DataError) as caught:
        hw.NextToken("story").encode(["a", 5, None])
    what, fix = "Column 'story' must hold texts.", "Correct those rows, or name another column."
    assert str(caught.value) == f"{what}\n  Given: int, NoneType\n  Fix:   {fix}"


def test_baselines_choose_their_order_on_training_texts() -> None:
    draw = np.random.default_rng(0)
    # Each token is followed by the next one, of which there are eight.
    starts = draw.integers(0, 8, (80, 1))
    tokens = (starts + np.arange(40)) % 8
    data = BaselineData(targets=np.full((80, 1), 40.0), arrays={"bytes": tokens})
    known = hw.NextToken().baselines()
    options = {"num_outputs": 2, "seed": 0}
    ngram = known["n-gram of characters"].run(data, {"valid": data}, **options)["valid"]
    unigram = known["unigram"].run(data, {"valid": data}, **options)["valid"]
    assert ngram[:, 0].mean() < 10 < 100 < unigram[:, 0].mean()
    assert (ngram[:, 1] == 40).all()
