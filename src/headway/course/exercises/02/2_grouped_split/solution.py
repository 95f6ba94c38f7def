"""A split that keeps groups together."""

import numpy as np


def grouped_split(groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """True for the rows that belong to valid, [rows]."""
    # `unique` sorts, so the rows' order makes no difference.
    names, sizes = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    chosen, rows = [order[0]], sizes[order[0]]
    # The last group stays in train, however large the share.
    for group in order[1:-1]:
        if rows + sizes[group] <= share * len(groups):
            chosen.append(group)
            rows += sizes[group]
    return np.isin(groups, names[chosen])
