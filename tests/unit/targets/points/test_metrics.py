from __future__ import annotations

import numpy as np
import pytest

from headway.errors import DataError, ShapeError
from headway.targets.points.metrics import check_points, item_errors, pixel_errors, points_text
from tests.judging import baseline_data, evaluate, run_baselines


def placed(pixels: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Points in pixels `[items, points, 2]` as places from -1 to 1 `[items, 2 x points]`."""
    return (pixels / sizes[:, None] * 2 - 1).reshape(len(pixels), -1)


@pytest.fixture
def points() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Answers and targets as they are judged; the same in pixels."""
    draw = np.random.default_rng(0)
    sizes = draw.integers(50, 800, (40, 2)).astype(float)
    truth = draw.uniform(size=(40, 3, 2)) * sizes[:, None]
    found = truth + draw.normal(scale=20, size=truth.shape)
    return placed(found, sizes), np.concatenate([placed(truth, sizes), sizes], axis=1), found, truth


def test_errors_are_distances_in_the_picture(points: tuple[np.ndarray, ...]) -> None:
    answers, targets, found, truth = points
    away = np.linalg.norm(found - truth, axis=2)
    np.testing.assert_allclose(pixel_errors(answers, targets), away)
    longer = targets[:, -2:].max(axis=1)
    np.testing.assert_allclose(item_errors(answers, targets), away.mean(axis=1) / longer)
    scores = evaluate(answers, targets, task="points")
    assert scores["error"].value == pytest.approx((away / longer[:, None]).mean())
    assert scores["error_pixels"].value == pytest.approx(away.mean())
    assert scores["within_5"].value == pytest.approx((away <= 0.05 * longer[:, None]).mean())
    assert scores["within_10"].value == pytest.approx((away <= 0.10 * longer[:, None]).mean())
    for score in scores.values():
        assert 0 <= score.low <= score.value <= score.high
    assert scores["within_10"].high <= 1


def test_nothing_is_off_where_answers_are_right(points: tuple[np.ndarray, ...]) -> None:
    _, targets, _, _ = points
    scores = evaluate(targets[:, :-2], targets, task="points")
    assert [scores[name].value for name in ("error", "error_pixels", "within_5", "within_10")] == [0, 0, 1, 1]


def test_the_mean_position_is_the_simplest_answer(points: tuple[np.ndarray, ...]) -> None:
    _, targets, _, _ = points
    features = targets[:, :-2] @ np.random.default_rng(1).normal(size=(6, 9))
    train, valid = (
        baseline_data(targets=targets[part], features=features[part].astype(np.float32))
        for part in (slice(0, 30), slice(30, 40))
    )
    found = run_baselines(train, {"valid": valid}, num_outputs=6, task="points")
    assert [each.name for each in found] == ["mean position", "ridge regression on frozen features"]
    np.testing.assert_allclose(found[0].predictions["valid"], np.tile(targets[:30, :-2].mean(axis=0), (10, 1)))
    assert found[0].size == 6
    # The features hold all that there is to know.
    errors = [item_errors(each.predictions["valid"], valid.targets).mean() for each in found]
    assert errors[1] < 0.2 * errors[0]


def test_a_point_in_words() -> None:
    assert points_text(np.array([-1, 0, 0.5, 1]), ()) == "(0, 50), (75, 100) %"
    many = np.concatenate([np.zeros(12), [640, 480]])
    assert points_text(many, ()) == "(50, 50), (50, 50), (50, 50), (50, 50) ... %"


@pytest.mark.parametrize(
    "shapes", [((4, 4), (4, 4)), ((4, 3), (4, 5)), ((3, 2), (4, 4)), ((4,), (4, 3)), ((4, 0), (4, 2))]
)
def test_arrays_that_do_not_fit(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    answers, targets = (np.ones(shape) for shape in shapes)
    with pytest.raises(ShapeError) as error:
        check_points(answers, targets)
    assert str(error.value) == (
        "`answers` must be [items, 2 x points], and `targets` the same with two more: width and height.\n"
        f"  Given: answers {list(shapes[0])}, targets {list(shapes[1])}\n"
        "  Fix:   Pass one answer for each target, in the same order."
    )


def test_numbers_that_are_none() -> None:
    good = np.ones((2, 2)), np.ones((2, 4))
    for answers, targets in (
        (np.full((2, 2), np.nan), good[1]),
        (good[0], np.zeros((2, 4))),
        (good[0][:0], good[1][:0]),
    ):
        with pytest.raises(DataError, match="must be finite numbers, at least one item, and sizes above 0"):
            check_points(answers, targets)
    with pytest.raises(DataError) as error:
        check_points(np.full((2, 2), np.inf), good[1])
    assert str(error.value) == (
        "`answers` and `targets` must be finite numbers, at least one item, and sizes above 0.\n"
        "  Given: 2 items; NaN or infinity in answers\n"
        "  Fix:   Leave such items out."
    )
