"""A test for drift: it fires where a shift is large and too large for chance, and nowhere else."""

import numpy as np
from scipy.stats import ks_2samp


def has_drifted(before: np.ndarray, now: np.ndarray) -> bool:
    """Whether the numbers of a log look different from those that the model was judged on, and by much."""
    test = ks_2samp(before, now)
    return bool(test.pvalue < 0.001 and test.statistic > 0.15)
