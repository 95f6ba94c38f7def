"""Whether what a model puts first is what people like: recall and NDCG of its first k, a user at a time."""

from __future__ import annotations

import numpy as np

from headway.errors import DataError
from headway.inputs.ratings.embeddings import check_count
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
        scores: What the model gives for each held-out rating, float `[ratings]`, the larger the better.
        ratings: What the user gave, float `[ratings]`.
        users: Whose it is, `[ratings]`, of any type.
        k: How many items come first, at least 1.
        threshold: Items rated at least so are liked. Left out: those rated at least the mean of the user's held-out
            ratings.
        seed: The run's seed, for the resampling of users.

    Returns:
        `recall@k`, the share of the liked items among the first k, of as many as there can be; and `ndcg@k`, where
        an item at position p counts 1 / log2(p + 1) if it is liked, as a share of the best order's.

    Example:
        >>> scores, users = np.array([5.0, 4.0, 1.0, 3.0, 2.0, 1.0]), np.array([1, 1, 1, 2, 2, 2])
        >>> ranked = rank_metrics(scores, np.array([5, 1, 4, 5, 4, 1]), users, k=2)
        >>> ranked["recall@2"].value, round(ranked["ndcg@2"].value, 3)
        (0.75, 0.807)

    Source:
        Järvelin and Kekäläinen 2002, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4).
    """
    assert scores.shape == ratings.shape == users.shape
    check_count("k", k)
    if not np.isfinite([scores, ratings]).all() or not len(users):
        what = "`scores` and `ratings` must be finite numbers, at least one."
        raise DataError(what, given=f"{len(users)} ratings", fix="Leave such ratings out.")
    # Sorted by user, so that each one's ratings are one slice.
    order = np.argsort(users, kind="stable")
    starts = np.flatnonzero(np.r_[True, users[order][1:] != users[order][:-1]])
    by_user = []
    for rows in np.split(order, starts[1:]):
        liked = ratings[rows] >= (ratings[rows].mean() if threshold is None else threshold)
        if len(rows) > k and 0 < liked.sum() < len(rows):
            by_user.append(_recall_and_ndcg(scores[rows], liked, k))
    if not by_user:
        what = f"No user has more than {k} held-out items of which some are liked and some are not."
        fix = "Pass a smaller k, or keep more ratings for valid."
        raise DataError(what, given=f"{len(starts)} users, {len(scores)} ratings", fix=fix)
    estimates = (intervals.mean(values, seed=seed) for values in np.array(by_user).T)
    return {
        name: Estimate(estimate.value, max(estimate.low, 0.0), min(estimate.high, 1.0))
        for name, estimate in zip((f"recall@{k}", f"ndcg@{k}"), estimates, strict=True)
    }


def _recall_and_ndcg(scores: np.ndarray, liked: np.ndarray, k: int) -> tuple[float, float]:
    """Of one user. scikit-learn's `ndcg_score` is the same, and takes thirty times as long."""
    order = np.argsort(-scores, kind="stable")
    # Items of equal score share what their positions hold.
    _, group = np.unique(-scores[order], return_inverse=True)
    shares = (np.bincount(group, liked[order]) / np.bincount(group))[group][:k]
    weights = 1 / np.log2(np.arange(2, k + 2))
    best = min(int(liked.sum()), k)
    return float(shares.sum() / best), float((shares * weights).sum() / weights[:best].sum())
