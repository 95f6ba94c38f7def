"""The same model twice."""

import numpy as np


def scores():
    """A constant."""
    return np.full(8000, 0.24), np.full(8000, 0.24)


def table(scores, late):
    """Accuracy under three names."""
    share = float(((np.asarray(scores) > 0.5) == late).mean())
    return {"cost": share, "found": share, "auroc": share}
