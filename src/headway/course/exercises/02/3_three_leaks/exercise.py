"""A pipeline with three leaks. Mend them one at a time; each mended leak makes the number lower, and truer.

`honest_accuracy` gets a table of numbers, labels, and a group for each row. It keeps the ten columns that go with the
labels best, chooses how many neighbours should vote, and reports an accuracy. On labels that are coin flips it reports
far more than one half.

The rules: the reported rows have taken part in no choice, and rows of one group are never on two sides.
"""

import numpy as np


def nearest(train: np.ndarray, labels: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """What most of the k nearest training rows say."""
    distances = ((rows[:, None] - train) ** 2).sum(2)
    votes = labels[np.argsort(distances, axis=1)[:, :k]]
    return (votes.mean(1) > 0.5).astype(int)


def honest_accuracy(values: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int) -> float:
    """The accuracy that is reported: values [rows, columns], labels 0 or 1, groups whole numbers, [rows] each."""
    best = np.argsort(np.abs(np.corrcoef(values.T, labels)[-1, :-1]))[-10:]
    values = values[:, best]

    order = np.random.default_rng(seed).permutation(len(values))
    train, valid, test = np.split(order, [len(order) * 6 // 10, len(order) * 8 // 10])

    scores = {}
    for k in range(1, 26, 2):
        answers = nearest(values[train], labels[train], values[test], k)
        scores[k] = (answers == labels[test]).mean()
    return float(max(scores.values()))
