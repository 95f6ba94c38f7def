"""Three rates for each group, each with its interval."""

import numpy as np

from headway.judge.intervals import wilson

ENOUGH = 30


def interval(happened: int, people: int) -> tuple[float, float, float]:
    """The share, and the ends of its 95 % interval."""
    share = wilson(happened, people)
    return share.value, share.low, share.high


def rates_by_group(predicted: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> dict[str, dict]:
    """For each group the rates "selected", "missed" and "wrongly selected", as (share, low, high) or None."""
    table = {}
    for name in np.unique(groups).tolist():
        own = groups == name
        table[name] = {
            "selected": rate(predicted[own]),
            "missed": rate(~predicted[own & targets]),
            "wrongly selected": rate(predicted[own & ~targets]),
        }
    return table


def rate(happened: np.ndarray) -> tuple[float, float, float] | None:
    """How often it happened, with its interval; None where too few people are counted to say."""
    if len(happened) < ENOUGH:
        return None
    return interval(int(happened.sum()), len(happened))
