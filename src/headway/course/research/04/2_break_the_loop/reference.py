"""A rule that asks how often a patrol finds something, and not how much was found."""

import numpy as np

COST = 0.18
WHO_PAYS = (
    "A third of the patrols stay where they find less, so about one crime in five goes unseen in the second district: "
    "its victims pay. Without these patrols nobody could notice that the first district has become worse, and then its "
    "people would pay, later and unseen."
)


def rule(start: np.ndarray, records: np.ndarray, sent: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """Patrols in proportion to what a patrol finds; what was recorded before says nothing about that."""
    # A few imagined patrols, so that the first rounds do not follow chance.
    rate = (records + 2) / (sent + 20)
    share = float(np.clip(rate[1] / rate.sum(), 0.1, 0.9))
    return np.array([1 - share, share])
