"""A limit for each group, so that good payers get a loan equally often."""

import numpy as np


def fair_limits(
    scores: np.ndarray, targets: np.ndarray, groups: np.ndarray, valid: np.ndarray, test: np.ndarray, *, share: float
) -> dict[str, tuple[float, float]]:
    """For each group its limit, chosen on valid, and the share of its good payers who get a loan with it on test."""
    table = {}
    for name in np.unique(groups).tolist():
        payers = targets & (groups == name)
        limit = np.quantile(scores[payers & valid], 1 - share, method="lower")
        table[name] = float(limit), float((scores[payers & test] >= limit).mean())
    return table
