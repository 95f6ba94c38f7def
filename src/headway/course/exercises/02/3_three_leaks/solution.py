"""A pipeline without its three leaks."""

import numpy as np


def nearest(train: np.ndarray, labels: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """What most of the k nearest training rows say."""
    distances = ((rows[:, None] - train) ** 2).sum(2)
    votes = labels[np.argsort(distances, axis=1)[:, :k]]
    return (votes.mean(1) > 0.5).astype(int)


def honest_accuracy(values: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int) -> float:
    """The accuracy that is reported: values [rows, columns], labels 0 or 1, groups whole numbers, [rows] each."""
    names = np.random.default_rng(seed).permutation(np.unique(groups))
    sides = np.split(names, [len(names) * 6 // 10, len(names) * 8 // 10])
    train, valid, test = (np.flatnonzero(np.isin(groups, side)) for side in sides)

    # Choosing columns is learning: it may look at training rows alone.
    best = np.argsort(np.abs(np.corrcoef(values[train].T, labels[train])[-1, :-1]))[-10:]
    values = values[:, best]

    scores = {}
    for k in range(1, 26, 2):
        answers = nearest(values[train], labels[train], values[valid], k)
        scores[k] = (answers == labels[valid]).mean()
    chosen = max(scores, key=lambda k: scores[k])
    # Valid has chosen, so valid cannot tell; test has not been looked at until this line.
    answers = nearest(values[train], labels[train], values[test], chosen)
    return float((answers == labels[test]).mean())
