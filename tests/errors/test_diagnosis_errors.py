from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from headway.errors import ConfigError, DataError, HeadwayError, ShapeError
from headway.targets.category.learning_curve import learning_curve
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


@pytest.mark.parametrize("part", ["valid", "train"])
def test_labels_of_other_classes(part: str) -> None:
    parts = {"valid": GOOD} | {part: (np.full((2, 3), 1 / 3), np.array([0, 1]))}
    labels = ["a", "b", "c", "d"] if part == "valid" else ["a", "b"]
    assert message(ShapeError, diagnose, [], labels=labels, **parts) == (
        "`labels` must name each class.\n"
        f"  Given: {len(labels)} labels, 3 classes\n"
        "  Fix:   Pass one label a class, in the order of the model's outputs."
    )


def test_answers_that_are_no_probabilities() -> None:
    assert "1 rows that do not sum to one (first: row 0)" in message(
        DataError, diagnose, [], valid=(np.array([[3.0, 1.0], [0.5, 0.5]]), np.array([0, 1])), labels=["a", "b"]
    )


def test_features_of_other_items() -> None:
    features, targets = np.zeros((4, 3)), np.array([0, 1, 0, 1])
    expected = (
        "Features must be [items, dim] and targets [items], of an item or more, to learn from and to judge by.\n"
        "  Given: features {}, targets {}\n"
        "  Fix:   Pass arrays of the same items, in the same order."
    )
    curve = message(ShapeError, learning_curve, features, targets[:3], features, targets, num_classes=2)
    assert curve == expected.format("[4, 3] and [4, 3]", "[3] and [4]")
    curve = message(ShapeError, learning_curve, features, targets, features[:, :2], targets, num_classes=2)
    assert curve == expected.format("[4, 3] and [4, 2]", "[4] and [4]")
    curve = message(ShapeError, learning_curve, features, targets, features[:0], targets[:0], num_classes=2)
    assert curve == expected.format("[4, 3] and [0, 3]", "[4] and [0]")


@pytest.mark.parametrize("fractions", [[0.5, 0], [2], []])
def test_fractions_out_of_range(fractions: list[float]) -> None:
    features, targets = np.zeros((4, 3)), np.array([0, 1, 0, 1])
    given = {"num_classes": 2, "fractions": fractions}
    assert message(ConfigError, learning_curve, features, targets, features, targets, **given) == (
        f"`fractions` must lie above 0 and at most at 1.\n  Given: fractions={fractions}\n  Fix:   Leave them out."
    )


def test_a_solver_that_gives_no_probabilities() -> None:
    features, targets = np.zeros((4, 3)), np.array([0, 1, 0, 1])
    given = {"num_classes": 2, "solve": lambda known, classes, new: np.ones((len(new), 2))}
    assert "4 rows that do not sum to one" in message(
        DataError, learning_curve, features, targets, features, targets, **given
    )
