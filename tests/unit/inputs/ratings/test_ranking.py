from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from headway.errors import ConfigError, DataError, HeadwayError
from headway.inputs.ratings.ranking import rank_metrics


def one_user(scores: list[float], ratings: list[float], **options: Any) -> tuple[float, float]:
    found = rank_metrics(np.array(scores), np.array(ratings), np.zeros(len(scores)), **options)
    k = options.get("k", 10)
    assert list(found) == [f"recall@{k}", f"ndcg@{k}"]
    return found[f"recall@{k}"].value, found[f"ndcg@{k}"].value


def test_a_perfect_order_is_one_and_a_reversed_one_is_not() -> None:
    ratings = [5.0, 5.0, 1.0, 1.0]
    assert one_user([4, 3, 2, 1], ratings, k=2) == (1.0, 1.0)
    assert one_user([1, 2, 3, 4], ratings, k=2) == (0.0, 0.0)


def test_places_count_by_their_logarithm() -> None:
    recall, gain = one_user([4, 3, 2, 1], [1.0, 5.0, 1.0, 5.0], k=2)
    assert recall == 0.5
    assert gain == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))


def test_recall_is_of_as_many_as_there_can_be() -> None:
    assert one_user([4, 3, 2, 1], [5, 5, 5, 1], k=1)[0] == 1.0


def test_what_is_liked_is_the_user_s_mean_or_a_threshold() -> None:
    ratings = [1.0, 2.0, 1.0, 1.0]
    assert one_user([1, 4, 2, 3], ratings, k=1) == (1.0, 1.0)
    with pytest.raises(DataError):
        one_user([1, 4, 2, 3], ratings, k=1, threshold=4)


def test_equal_scores_share_their_places() -> None:
    """A model that says the same of all items gets what a random order gets on average."""
    recall, _ = one_user([0.0] * 4, [5.0, 1.0, 1.0, 1.0], k=2)
    assert recall == 0.5


def test_users_count_alike_and_those_who_tell_nothing_are_left_out() -> None:
    scores = np.array([3.0, 2.0, 1.0, 3.0, 2.0, 1.0, 1.0, 2.0, 3.0, 9.0])
    ratings = np.array([5.0, 1.0, 1.0, 1.0, 1.0, 5.0, 3.0, 3.0, 3.0, 5.0])
    users = np.array(["a"] * 3 + ["b"] * 3 + ["all the same"] * 3 + ["one item"])
    found = rank_metrics(scores, ratings, users, k=1)
    assert found["recall@1"].value == 0.5
    order = np.random.default_rng(0).permutation(len(users))
    again = rank_metrics(scores[order], ratings[order], users[order], k=1)
    assert again["recall@1"].value == 0.5


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_ndcg_is_scikit_learn_s(seed: int, k: int) -> None:
    draw = np.random.default_rng(seed)
    scores, liked = draw.integers(0, 5, 8).astype(float), draw.integers(0, 2, 8)
    if 0 < liked.sum() < 8:
        _, gain = one_user(scores.tolist(), liked.astype(float).tolist(), k=k, threshold=1)
        assert gain == pytest.approx(ndcg_score([liked], [scores], k=k))


def test_intervals_hold_the_value_and_stay_between_zero_and_one() -> None:
    draw = np.random.default_rng(0)
    users = np.repeat(np.arange(50), 20)
    found = rank_metrics(draw.normal(size=1_000), draw.integers(1, 6, 1_000), users, k=5)
    for each in found.values():
        assert 0 <= each.low < each.value < each.high <= 1


@pytest.mark.parametrize(
    ("kind", "given", "options", "message"),
    [
        (
            ConfigError,
            (np.zeros(3), np.zeros(3), np.zeros(3)),
            {"k": 0},
            "`k` must be a whole number from 1.\n  Given: k=0\n  Fix:   Leave it out.",
        ),
        (
            DataError,
            (np.array([np.nan, 1.0]), np.zeros(2), np.zeros(2)),
            {},
            "`scores` and `ratings` must be finite numbers, at least one.\n"
            "  Given: 2 ratings\n"
            "  Fix:   Leave such ratings out.",
        ),
        (
            DataError,
            (np.zeros(3), np.arange(3.0), np.zeros(3)),
            {"k": 3},
            "No user has more than 3 held-out items of which some are liked and some are not.\n"
            "  Given: 1 users, 3 ratings\n"
            "  Fix:   Pass a smaller k, or keep more ratings for valid.",
        ),
    ],
)
def test_what_cannot_be_ranked_is_told(
    kind: type[HeadwayError], given: tuple[Any, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(kind) as caught:
        rank_metrics(*given, **options)
    assert str(caught.value) == message
