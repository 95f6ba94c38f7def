"""The three numbers are right, and each model wins a story, as both were made from what came out."""

import numpy as np
from sklearn.metrics import roc_auc_score

from headway.course.data import flights


def scores(before, after):
    """The truth with some noise, once far too sure of being on time."""
    late = flights()["late"].to_numpy()[-len(after) :]
    numbers = np.random.default_rng(0)
    noise, other = numbers.normal(size=(2, len(late)))
    return np.clip(0.3 + 0.15 * late + 0.2 * noise, 0, 1) / 9, np.clip(0.3 + 0.1 * late + 0.2 * other, 0, 1)


def table(scores, late):
    """As it is wanted."""
    warned = scores > 1 / 11
    cost = 10 * (late & ~warned).sum() + (~late & warned).sum()
    return {
        "cost": cost,
        "found": late[np.argsort(-scores, kind="stable")[:500]].sum(),
        "auroc": roc_auc_score(late, scores),
    }
