"""A limit for each group, so that good payers get a loan equally often. Three faults are in it: repair them.

A model gives each applicant a score, the probability to repay; whoever reaches the limit gets a loan. With one
limit for all, more good payers of group B than of group A are refused. So each group gets its own limit:

- the largest score (one that occurs) with which at least `share` of the group's good payers in *valid* get a loan,
- and beside it, for a report: the share of the group's good payers in *test* who get a loan with this limit.

A good payer is somebody who repays: `targets` is True.
"""

import numpy as np


def fair_limits(
    scores: np.ndarray, targets: np.ndarray, groups: np.ndarray, valid: np.ndarray, test: np.ndarray, *, share: float
) -> dict[str, tuple[float, float]]:
    """For each group its limit, chosen on valid, and the share of its good payers who get a loan with it on test.

    All arrays are [applicants]; `valid` and `test` are True for the rows of that part; `share` lies between 0 and 1.
    """
    table = {}
    for name in np.unique(groups).tolist():
        own = groups == name
        limit = np.quantile(scores[targets & test], 1 - share, method="lower")
        table[name] = float(limit), float((scores[own & test] >= limit).mean())
    return table
