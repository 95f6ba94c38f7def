"""How sure is a difference between two models that answered for the same rows?"""

import numpy as np

DRAWS = 2000


def paired_interval(ours: np.ndarray, theirs: np.ndarray, seed: int) -> tuple[float, float, float]:
    """The difference, ours minus theirs, and the lower and upper end of its 95 % interval."""
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} rows cannot be paired with {len(theirs)}.")
    # A row that is drawn brings both models' answers: the luck that they share cancels.
    differences = np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float)
    rows = np.random.default_rng(seed).integers(0, len(differences), (DRAWS, len(differences)))
    low, high = np.quantile(differences[rows].mean(1), [0.025, 0.975])
    return float(differences.mean()), float(low), float(high)
