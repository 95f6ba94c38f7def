"""Whether what a model puts first is what people like: recall and NDCG of its first k, a user at a time."""

from __future__ import annotations

import numpy as np

from headway.errors import ConfigError, DataError, ShapeError
from headway.judge import intervals
from headway.judge.intervals import Estimate

__all__ = ["rank_metrics"]


def rank_metrics(
    scores: np.ndarray,
    ratings: np.ndarray,
    users: np.ndarray,
    *,
    k: int = 10,
    threshold: float | None = None,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Recall and NDCG of the first `k` of each user's held-out items, averaged over users, with 95 % intervals.

    Only items that a user rated are put in order: whether the others would be liked is not known. Users with at most
    `k` held-out items tell nothing, whatever comes first, nor do those who like none or all of them: they are left
    out. Equal scores share their positions.

    Args:
        scores: What the model gives for each held-out rating, `[ratings]` or `[ratings, 1]`, the larger the better.
        ratings: What the user gave, of the same shape.
        users: Whose it is, `[ratings]`, of any type.
        k: How many items come first, at least 1.
        threshold: Items rated at least so are liked. Left out: those rated at least the mean of the user's held-out
            ratings.
        seed: The run's seed, for the resampling of users.

    Returns:
        `recall@k`, the share of the liked items among the first k, of as many as there can be; and `ndcg@k`, where
        an item at position p counts 1 / log2(p + 1) if it is liked, as a share of the best order's.

    Raises:
        ShapeError: If the arrays do not have an entry a rating.
        ConfigError: If `k` is below 1.
        DataError: If a number is not finite, or no user is left.

    Example:
        >>> scores = np.array([5.0, 4.0, 1.0, 3.0, 2.0, 1.0])
        >>> ranked = rank_metrics(scores, np.array([5, 1, 4, 5, 4, 1]), np.array([1, 1, 1, 2, 2, 2]), k=2)
        >>> ranked["recall@2"].value, round(ranked["ndcg@2"].value, 3)
        (0.75, 0.807)

    Source:
        Järvelin and Kekäläinen 2002, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4).
    """
    scores, ratings, users = _checked(scores, ratings, users, k=k)
    order = np.argsort(users, kind="stable")
    starts = np.flatnonzero(np.r_[True, users[order][1:] != users[order][:-1]])
    by_user = []
    for rows in np.split(order, starts[1:]):
        liked = ratings[rows] >= (ratings[rows].mean() if threshold is None else threshold)
        if len(rows) > k and 0 < liked.sum() < len(rows):
            by_user.append(_of_user(scores[rows], liked, k))
    if not by_user:
        what = f"No user has more than {k} held-out items of which some are liked and some are not."
        fix = "Pass a smaller k, or keep more ratings for valid."
        raise DataError(what, given=f"{len(starts)} users, {len(scores)} ratings", fix=fix)
    recall, gain = np.array(by_user).T
    return {f"recall@{k}": _mean(recall, seed), f"ndcg@{k}": _mean(gain, seed)}


def _of_user(scores: np.ndarray, liked: np.ndarray, k: int) -> tuple[float, float]:
    order = np.argsort(-scores, kind="stable")
    # Items of equal score share what their positions hold.
    _, group = np.unique(-scores[order], return_inverse=True)
    shares = (np.bincount(group, liked[order]) / np.bincount(group))[group][:k]
    weights = 1 / np.log2(np.arange(2, k + 2))
    best = min(int(liked.sum()), k)
    return float(shares.sum() / best), float((shares * weights).sum() / weights[:best].sum())


def _mean(values: np.ndarray, seed: int) -> Estimate:
    estimate = intervals.mean(values, seed=seed)
    return Estimate(estimate.value, max(estimate.low, 0.0), min(estimate.high, 1.0))


def _checked(
    scores: np.ndarray, ratings: np.ndarray, users: np.ndarray, *, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    arrays = [np.asarray(numbers, dtype=np.float64) for numbers in (scores, ratings)]
    flat = [array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array for array in arrays]
    users = np.asarray(users)
    if any(array.shape != users.shape or array.ndim != 1 for array in flat):
        what = "`scores`, `ratings` and `users` must have one entry a rating."
        given = f"scores {list(flat[0].shape)}, ratings {list(flat[1].shape)}, users {list(users.shape)}"
        raise ShapeError(what, given=given, fix="Pass three arrays [ratings], in the same order.")
    if k < 1:
        raise ConfigError("`k` must be at least 1.", given=f"k={k}", fix="Leave it out for 10.")
    if not all(np.isfinite(array).all() for array in flat) or not len(users):
        what = "`scores` and `ratings` must be finite numbers, at least one."
        raise DataError(what, given=f"{len(users)} ratings", fix="Leave such ratings out.")
    return flat[0], flat[1], users
