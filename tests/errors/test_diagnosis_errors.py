from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from headway.errors import DataError, HeadwayError, ShapeError
from headway.judge.report.build import judge_predictions
from tests.judging import diagnose

GOOD = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1])
ENTRY = {"stage": "all", "train_loss": 1.0, "valid_loss": 1.0}


def message(kind: type[HeadwayError], call: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    assert type(caught.value) is kind
    return str(caught.value)


@pytest.mark.parametrize(
    ("entry", "given"),
    [
        ({"train_loss": 1.0}, "entry 1 without stage, valid_loss"),
        (ENTRY | {"stage": "body"}, "stage 'body'"),
    ],
)
def test_a_history_that_is_none(entry: dict[str, Any], given: str) -> None:
    assert message(DataError, diagnose, [ENTRY, entry], valid=GOOD, labels=["a", "b"]) == (
        'Each entry of `history` needs a stage ("head" or "all"), a train_loss and a valid_loss.\n'
        f"  Given: {given}\n"
        "  Fix:   Pass `learner.history.to_json()`."
    )


def test_training_items_of_other_classes() -> None:
    train = np.full((2, 3), 1 / 3), np.array([0, 1])
    assert message(ShapeError, judge_predictions, *GOOD, labels=["a", "b"], train=train) == (
        "`labels` must name each class.\n"
        "  Given: 2 labels, 3 classes\n"
        "  Fix:   Pass one label a class, in the order of the model's outputs."
    )


def test_answers_that_are_no_probabilities() -> None:
    train = np.array([[3.0, 1.0], [0.5, 0.5]]), np.array([0, 1])
    assert "1 rows that do not sum to one (first: row 0)" in message(DataError, judge_predictions, *GOOD, train=train)
