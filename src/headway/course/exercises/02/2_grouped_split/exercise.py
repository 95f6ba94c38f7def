"""A split that keeps groups together.

`groups` names for each row what it belongs to: a patient, a thing that was drawn, a day. A group goes to valid as a
whole or not at all.

- The share of *rows* in valid comes as near to `share` as whole groups allow: within one group's size.
- There is at least one group on each side.
- The groups are drawn by chance. The same seed gives the same split, another seed another one.
- The order of the rows makes no difference to which groups are drawn.
"""

import numpy as np


def grouped_split(groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """True for the rows that belong to valid, [rows].

    `groups` has two different values or more; `share` lies between 0 and 1.
    """
    # Write it here.
    raise NotImplementedError
