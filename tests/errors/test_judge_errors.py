from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headway.errors import ConfigError, DataError, HeadwayError, ShapeError
from headway.judge.baselines.base import BaselineData
from headway.judge.baselines.run import BaselineResult
from headway.judge.report.build import judge_predictions
from headway.targets.category.metrics import check_predictions
from tests.judging import baseline_data, evaluate, judged, report_of, run_baselines

NOT_PROBABILITIES = (
    "`probabilities` must be finite, not negative and sum to one in each row; `targets` must be classes.\n"
    "  Given: {given}\n"
    "  Fix:   Pass the output of a softmax (not logits), and class indices as `Category.encode` gives them."
)
SHAPES = (
    "`probabilities` must be [items, classes], with two classes or more, and `targets` [items].\n"
    "  Given: {given}\n"
    "  Fix:   Pass one row of probabilities and one class index for each item, in the same order."
)


def message(kind: type[HeadwayError], call: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    assert type(caught.value) is kind
    return str(caught.value)


def rows(items: int = 6, **given: Any) -> BaselineData:
    return baseline_data(targets=np.arange(items) % 2, **given)


def guess(part: str = "test", items: int = 2) -> BaselineResult:
    return BaselineResult("guess", {part: np.full((items, 2), 0.5)}, 0.0)


# Metrics


@pytest.mark.parametrize(
    ("probabilities", "targets", "given"),
    [
        (np.full((3, 2), 0.5), np.zeros(2, dtype=int), "probabilities [3, 2], targets [2]"),
        (np.full(3, 0.5), np.zeros(3, dtype=int), "probabilities [3], targets [3]"),
        (np.ones((3, 1)), np.zeros(3, dtype=int), "probabilities [3, 1], targets [3]"),
        (np.full((3, 2), 0.5), np.zeros((3, 2), dtype=int), "probabilities [3, 2], targets [3, 2]"),
    ],
)
def test_shapes(probabilities: np.ndarray, targets: np.ndarray, given: str) -> None:
    assert message(ShapeError, check_predictions, probabilities, targets) == SHAPES.format(given=given)


@pytest.mark.parametrize(
    ("row", "given"),
    [
        ([np.nan, 0.5], "1 rows with NaN or infinity (first: row 2)"),
        ([np.inf, 0.5], "1 rows with NaN or infinity (first: row 2)"),
        ([np.inf, -np.inf], "1 rows with NaN or infinity (first: row 2), 1 rows with a negative number (first: row 2)"),
        ([1.5, -0.5], "1 rows with a negative number (first: row 2)"),
        ([0.5, 0.502], "1 rows that do not sum to one (first: row 2)"),
        ([2.0, 3.0], "1 rows that do not sum to one (first: row 2)"),
    ],
)
def test_rows_that_are_no_probabilities(row: list[float], given: str) -> None:
    probabilities = np.full((4, 2), 0.5)
    probabilities[2] = row
    found = message(DataError, check_predictions, probabilities, np.zeros(4, dtype=int))
    assert found == NOT_PROBABILITIES.format(given=given)


@pytest.mark.parametrize(
    ("targets", "given"),
    [
        ([0, 2, 1], "1 targets outside 0 to 1 (first: row 1)"),
        ([-1, 0, -1], "2 targets outside 0 to 1 (first: row 0)"),
        ([0.0, 1.0, 1.0], "targets of dtype float64"),
        ([True, False, True], "targets of dtype bool"),
    ],
)
def test_targets_that_are_no_classes(targets: list[Any], given: str) -> None:
    found = message(DataError, check_predictions, np.full((3, 2), 0.5), np.array(targets))
    assert found == NOT_PROBABILITIES.format(given=given)


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = message(DataError, evaluate, np.array([[np.nan, 1], [-1, 2], [3, 4]]), np.array([0, 1, 7]))
    assert found == NOT_PROBABILITIES.format(
        given="1 rows with NaN or infinity (first: row 0), 1 rows with a negative number (first: row 1), "
        "1 rows that do not sum to one (first: row 2), 1 targets outside 0 to 1 (first: row 2)"
    )


def test_no_items() -> None:
    found = message(DataError, check_predictions, np.zeros((0, 2)), np.zeros(0, dtype=int))
    assert found == NOT_PROBABILITIES.format(given="0 items")


def test_a_sum_that_is_one_but_for_rounding_is_fine() -> None:
    check_predictions(np.array([[0.5, 0.5009]]), np.array([0]))


def test_unknown_metric() -> None:
    found = message(ConfigError, evaluate, np.full((3, 2), 0.5), np.zeros(3, dtype=int), metrics=["acuracy"])
    assert found.splitlines()[:2] == ["This metric is not known.", "  Given: acuracy"]
    assert found.splitlines()[2].startswith('  Fix:   Did you mean "accuracy"')


# Baselines


def test_unknown_baseline() -> None:
    options = {"num_outputs": 2}
    assert message(ConfigError, run_baselines, rows(), {}, names=["majority clas"], **options) == (
        'This baseline is not known.\n  Given: majority clas\n  Fix:   Did you mean "majority class"?'
    )
    assert message(ConfigError, run_baselines, rows(), {}, extra={"stratified": lambda: None}, **options) == (
        "A baseline of your own has the name of another.\n  Given: stratified\n  Fix:   Give it another name."
    )


@pytest.mark.parametrize(("answers", "shape"), [({}, "[]"), ({"valid": np.full((2, 2), 0.5)}, "[2, 2]")])
def test_own_baseline_that_answers_otherwise(answers: dict[str, np.ndarray], shape: str) -> None:
    def own(
        train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
    ) -> dict[str, np.ndarray]:
        return answers

    found = message(ShapeError, run_baselines, rows(), {"valid": rows()}, num_outputs=2, names=[], extra={"own": own})
    assert found == (
        "Baseline 'own' must give one row of answers an item for part 'valid'.\n"
        f"  Given: shape {shape}, expected [6, 2]\n"
        "  Fix:   Return a dict with an array [items, num_outputs] for each of `parts`."
    )


# Report


@pytest.mark.parametrize(
    ("probabilities", "targets", "kind", "given"),
    [
        ([[0.9, 0.3], [0.2, 0.8]], [0, 1], DataError, "1 rows that do not sum to one (first: row 0)"),
        ([[0.5, 0.5], [np.nan, 0.8]], [0, 1], DataError, "1 rows with NaN or infinity (first: row 1)"),
        ([[0.5, 0.5], [0.2, 0.8]], [0, 2], DataError, "1 targets outside 0 to 1 (first: row 1)"),
        (np.zeros((0, 2)), np.zeros(0, dtype=int), DataError, "0 items"),
        ([[0.5, 0.5], [0.2, 0.8]], [0, 1, 1], ShapeError, "probabilities [2, 2], targets [3]"),
        ([[1.0], [1.0]], [0, 0], ShapeError, "probabilities [2, 1], targets [2]"),
    ],
)
def test_judging_what_are_no_predictions(
    probabilities: Any, targets: Any, kind: type[HeadwayError], given: str
) -> None:
    expected = SHAPES if kind is ShapeError else NOT_PROBABILITIES
    assert message(kind, judge_predictions, np.array(probabilities), np.array(targets)) == expected.format(given=given)


def test_judging_with_a_baseline_that_does_not_fit() -> None:
    probabilities, targets = np.full((6, 2), 0.5), np.arange(6) % 2
    assert message(ConfigError, judge_predictions, probabilities, targets, baselines={"stratified": probabilities}) == (
        "A baseline of your own has the name of another.\n  Given: stratified\n  Fix:   Give it another name."
    )
    assert message(
        ShapeError, judge_predictions, probabilities, targets, baselines={"mine": probabilities[:5]}
    ) == SHAPES.format(given="probabilities [5, 2], targets [6]")
    assert message(
        DataError, judge_predictions, probabilities, targets, baselines={"mine": 2 * probabilities}
    ).startswith("`probabilities` must be finite")


def test_judging_slices_that_are_not_there() -> None:
    probabilities, targets = np.full((6, 2), 0.5), np.arange(6) % 2
    assert message(ConfigError, judge_predictions, probabilities, targets, slices=["site"]) == (
        "Slices and groups are made of the items' columns.\n  Given: slices=['site'], no items\n  Fix:   Pass `items`."
    )
    items = {"site": list("aabbcc")}
    assert message(ConfigError, judge_predictions, probabilities, targets, items=items, slices=["sites"]) == (
        "The items have no such column.\n  Given: column 'sites'\n  Fix:   Did you mean \"site\"?"
    )
    assert message(ConfigError, judge_predictions, probabilities, targets, items=items, slices="site").startswith(
        "`columns` must name the columns to slice by."
    )
    assert message(ShapeError, judge_predictions, probabilities, targets, items={"site": ["a"]}, slices=["site"]) == (
        "`items` must have a row for each prediction, and `labels` a name for each class.\n"
        "  Given: 1 items, 2 labels, predictions [6, 2]\n"
        "  Fix:   Pass the items that were predicted, in the same order, and all classes."
    )


def test_judging_with_labels_of_other_classes() -> None:
    assert message(ShapeError, judge_predictions, np.full((6, 2), 0.5), np.arange(6) % 2, labels=["a"]) == (
        "`labels` must name each class.\n"
        "  Given: 1 labels, 2 classes\n"
        "  Fix:   Pass one label a class, in the order of the model's outputs."
    )


def test_report_saved_under_another_ending(tmp_path: Path) -> None:
    parts = {"test": judged(np.eye(2), np.array([0, 1]))}
    report = report_of(parts, labels=["a", "b"], baselines=[guess()])
    path = tmp_path / "report.pdf"
    assert message(ConfigError, report.save, path) == (
        "A report is saved as JSON or as HTML, by the path's ending.\n"
        f"  Given: {path}\n"
        "  Fix:   End the path in .json or .html."
    )
    assert list(tmp_path.iterdir()) == []
