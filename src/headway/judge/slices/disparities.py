"""How far apart the groups of a column are in what a model gives them, under the names that the literature uses.

One class is looked at a time, against the others: whether an item is given it. The values are fairlearn's (the tests
compare them); they are computed here from counts, for all classes at once, since the same counts give the interval.
The largest of several differences is above zero by chance alone, so the interval holds for all groups at once and
reaches down to 0 unless two of them are told apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headway.as_json import AsJson
from headway.judge.intervals import ALPHA, NAN, Estimate, wilson
from headway.judge.slices.compare import ENOUGH
from headway.judge.slices.groups import Groups

__all__ = ["Disparity", "disparities"]

DisparityName = Literal["demographic_parity_difference", "equal_opportunity_difference", "equalized_odds_difference"]


@dataclass(frozen=True, kw_only=True)
class Disparity(AsJson):
    """The largest difference between two groups of a column.

    Attributes:
        name: "demographic_parity_difference", of the shares that are given the class;
            "equal_opportunity_difference", of the shares of the class's own items that are given it;
            "equalized_odds_difference", of either that or the share of other items that are given it, the larger.
        column: The column.
        label: The class that is given, or not.
        value: The difference, between 0 and 1, with a 95 % interval that holds for all groups at once. NaN when fewer
            than two groups have enough items.
        lowest: The group with the lowest share; empty when the value is NaN.
        highest: The group with the highest share; empty when the value is NaN.
        num_groups: How many groups had enough items.
    """

    name: DisparityName
    column: str
    label: str
    value: Estimate
    lowest: str
    highest: str
    num_groups: int


def disparities(
    predicted: np.ndarray, targets: np.ndarray, groups: Groups, *, column: str, labels: Sequence[str]
) -> list[Disparity]:
    """Disparities between the groups of one column, three a class.

    The class that each item was given, and the one it is of, are int64 `[items]`.
    Of two classes the second is looked at, which tells all; of more, each against the others. Groups with fewer than 30
    items that count are left out: for equal opportunity 30 of the class, for equalized odds 30 others too.

    Example:
        >>> groups = Groups(("north", "south"), np.repeat([0, 1], 50))
        >>> given, actual = np.repeat([1, 0, 1, 0], [40, 10, 20, 30]), np.repeat([1, 0, 1, 0], [40, 10, 40, 10])
        >>> found = disparities(given, actual, groups, column="site", labels=["no", "yes"])
        >>> print(found[0].name, found[0].value, found[0].lowest)
        demographic_parity_difference 0.400 [0.091, 0.636] south

    Source:
        Hardt, Price and Srebro 2016, arXiv:1610.02413; names as in fairlearn.
    """
    classes = len(labels)

    def counts(held: np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        # One pass for all groups and classes: a number that stands for both.
        cells = np.bincount(groups.index[rows] * classes + held[rows], minlength=len(groups.names) * classes)
        return cells.reshape(len(groups.names), classes)

    predictions, positive, hits = counts(predicted), counts(targets), counts(targets, predicted == targets)
    items = positive.sum(1, keepdims=True)
    negative, alarms = items - positive, predictions - hits
    measured = []
    for k in [1] if classes == 2 else range(classes):
        own, both = positive[:, k] >= ENOUGH, (positive[:, k] >= ENOUGH) & (negative[:, k] >= ENOUGH)
        hit = hits[:, k], positive[:, k]
        shares: dict[DisparityName, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {
            "demographic_parity_difference": [(predictions[:, k], items[:, 0], items[:, 0] >= ENOUGH)],
            "equal_opportunity_difference": [(*hit, own)],
            "equalized_odds_difference": [(*hit, both), (alarms[:, k], negative[:, k], both)],
        }
        measured += [_disparity(name, counted, groups.names, column, labels[k]) for name, counted in shares.items()]
    return measured


def _disparity(
    name: DisparityName,
    shares: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    names: Sequence[str],
    column: str,
    label: str,
) -> Disparity:
    spreads = [_spread(*share, tries=len(shares)) for share in shares]
    value, lowest, highest = max(spreads, key=lambda spread: spread[0].value)
    if not math.isnan(value.value):
        # Of two differences the larger counts, and so do the larger ends of their intervals.
        value = Estimate(value.value, *(max(getattr(spread[0], end) for spread in spreads) for end in ("low", "high")))
    return Disparity(
        name=name,
        column=column,
        label=label,
        value=value,
        lowest=names[lowest] if lowest >= 0 else "",
        highest=names[highest] if highest >= 0 else "",
        num_groups=int(shares[0][2].sum()),
    )


def _spread(successes: np.ndarray, trials: np.ndarray, enough: np.ndarray, *, tries: int) -> tuple[Estimate, int, int]:
    """The largest share minus the smallest, and whose they are.

    Each group's interval is so wide that all of them hold together (Bonferroni); then the difference lies between the
    gap that is left between the highest and the lowest, and the reach of all.
    """
    used = np.flatnonzero(enough).tolist()
    if len(used) < 2:
        return NAN, -1, -1
    confidence = 1 - ALPHA / (len(used) * tries)
    shares = {group: wilson(int(successes[group]), int(trials[group]), confidence) for group in used}
    lowest, highest = (choose(used, key=lambda group: shares[group].value) for choose in (min, max))
    lows, highs = [share.low for share in shares.values()], [share.high for share in shares.values()]
    value = shares[highest].value - shares[lowest].value
    return Estimate(value, max(max(lows) - min(highs), 0.0), max(highs) - min(lows)), lowest, highest
