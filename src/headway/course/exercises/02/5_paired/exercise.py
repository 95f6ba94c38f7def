"""How sure is a difference between two models that answered for the same rows?

`ours` and `theirs` say for each row whether the model was right: 1 or 0. The difference is the share of right answers
of the one minus that of the other. For its interval use a *paired bootstrap*:

- draw rows with replacement, as many as there are, and take both models' answers for the rows that were drawn,
- compute the difference; do this 2,000 times,
- the interval reaches from the 2.5th to the 97.5th percentile.

The seed decides what is drawn. Arrays of different lengths raise a `ValueError`.
"""

import numpy as np


def paired_interval(ours: np.ndarray, theirs: np.ndarray, seed: int) -> tuple[float, float, float]:
    """The difference, ours minus theirs, and the lower and upper end of its 95 % interval."""
    # Write it here.
    raise NotImplementedError
