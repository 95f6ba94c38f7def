"""Three rates for each group, each with its interval.

A model says yes or no to people. For each group:

- "selected": of all its people, how many get a yes.
- "missed": of those who should get a yes, how many get a no.
- "wrongly selected": of those who should get a no, how many get a yes.

Each rate is a tuple (share, low, high), as `interval` gives it. Where a rate counts fewer than 30 people, it is None:
"we cannot say" is an answer, too. It may be None for one rate of a group and known for another.
"""

import numpy as np

from headway.judge.intervals import wilson

ENOUGH = 30


def interval(happened: int, people: int) -> tuple[float, float, float]:
    """The share, and the ends of its 95 % interval."""
    share = wilson(happened, people)
    return share.value, share.low, share.high


def rates_by_group(predicted: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> dict[str, dict]:
    """For each group the rates "selected", "missed" and "wrongly selected", as (share, low, high) or None.

    `predicted` and `targets` are True or False, [people]; `groups` names each one's group, [people].
    """
    # Write it here. A helper function for a single rate keeps it short.
    raise NotImplementedError
