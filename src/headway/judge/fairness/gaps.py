"""How far apart groups are in a measure: the largest difference and the smallest ratio, with intervals and a test.

The largest of several differences is above zero by chance alone. So the intervals hold for all pairs of groups at once,
and the test asks of each group whether it differs from all others, with p corrected for their number and then, by
Holm's method, for all measures and columns of a report.

Source:
    Newcombe 1998, method 10, for differences; Donner and Zou 2012, "Closed-form confidence intervals for functions of
    the normal mean and standard deviation", for ratios by the same method (MOVER).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from headway.as_json import AsJson
from headway.judge.fairness.measures import TITLES, Measure, estimates
from headway.judge.intervals import ALPHA, NAN, Estimate
from headway.judge.significance import format_p
from headway.judge.slices.compare import ENOUGH, fisher, grouped_difference, mean_difference

__all__ = ["Gap", "measure_gap", "ratio_bounds", "verdict_of"]


@dataclass(frozen=True, kw_only=True)
class Gap(AsJson):
    """How far apart the groups of a column, or of several, are in a measure.

    Attributes:
        columns: The column, or the columns whose intersections are the groups.
        measure: Its name, such as "true_positive_rate".
        label: The class that it is of; empty where there are none.
        difference: The highest group's value minus the lowest's; the 95 % interval holds for all pairs of groups.
        ratio: The lowest value over the highest, likewise; NaN of what is not a share.
        lowest: The group with the lowest value; empty where fewer than two groups have enough items.
        highest: The group with the highest value.
        num_groups: How many groups have enough items that count.
        p: That no group differs from the others, corrected for everything that was compared; NaN if not tested.
        verdict: "differ" when p is below 0.05 and the interval of the difference lies above 0; "cannot say" where
            fewer than two groups have 30 items that count.
    """

    json_also: ClassVar[tuple[str, ...]] = ("sentence",)

    columns: tuple[str, ...]
    measure: str
    label: str
    difference: Estimate
    ratio: Estimate
    lowest: str
    highest: str
    num_groups: int
    p: float
    verdict: Literal["cannot say", "differ", "no measurable difference"]

    @property
    def sentence(self) -> str:
        """The gap in words."""
        by = " and ".join(self.columns)
        of = f' of "{self.label}"' if self.label else ""
        name = f"{TITLES[self.measure][0]}{of} by {by}"
        if self.verdict == "cannot say":
            return f"Cannot say for the {name}: fewer than two groups have {ENOUGH} items that count."
        if self.verdict == "no measurable difference":
            return f"No measurable difference in the {name}: {self.difference} between the two ends."
        ratio = "" if math.isnan(self.ratio.value) else f", ratio {self.ratio}"
        where = f"lowest for {self.lowest}, highest for {self.highest}"
        tested = "" if math.isnan(self.p) else f", {format_p(self.p)}"
        return f"The {name} differs: {where}; difference {self.difference}{ratio}{tested}."


def measure_gap(
    measure: Measure,
    index: np.ndarray,
    names: Sequence[str],
    *,
    columns: tuple[str, ...],
    label: str,
    clusters: np.ndarray | None = None,
    is_tested: bool = True,
) -> Gap:
    """The gap between groups, each item's in `index`, int64 `[items]`; p is corrected for the number of groups alone.

    Tests of many groups take most of the time; without `is_tested` p is NaN.

    Example:
        >>> shares = Measure("selection_rate", np.repeat([1.0, 0, 1, 0], [40, 10, 20, 30]), np.ones(100, dtype=bool))
        >>> gap = measure_gap(shares, np.repeat([0, 1], 50), ["north", "south"], columns=("site",), label="yes")
        >>> print(gap.difference, gap.ratio, gap.lowest)
        0.400 [0.210, 0.552] 0.500 [0.341, 0.708] south
    """
    counts = np.bincount(index[measure.counted], minlength=len(names))
    num_used = int((counts >= ENOUGH).sum())
    pairs = max(num_used * (num_used - 1) // 2, 1)
    groups, _ = estimates(measure, index, len(names), confidence=1 - ALPHA / pairs, clusters=clusters)
    # Of too few clusters in a group there is no interval, and so no comparison.
    known = [(group, one) for group, one in enumerate(groups) if one is not None and not one.reason]
    described = {"columns": columns, "measure": measure.name, "label": label, "num_groups": len(known)}
    if len(known) < 2:
        return Gap(**described, difference=NAN, ratio=NAN, lowest="", highest="", p=math.nan, verdict="cannot say")
    values, low, high = (np.array([getattr(one, end) for _, one in known]) for end in ("value", "low", "high"))
    difference = _difference(values, low, high)
    p = _p(measure, index, [group for group, _ in known], clusters) if is_tested else math.nan
    return Gap(
        **described,
        difference=difference,
        ratio=_ratio(values, low, high) if measure.is_share else NAN,
        lowest=names[known[int(values.argmin())][0]],
        highest=names[known[int(values.argmax())][0]],
        p=p,
        verdict=verdict_of(difference, p),
    )


def verdict_of(difference: Estimate, p: float) -> Literal["differ", "no measurable difference"]:
    """Both the test and the interval must say so."""
    return "differ" if p < ALPHA and difference.low > 0 else "no measurable difference"


def _difference(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> Estimate:
    """The largest difference: of all ordered pairs each has its interval, and these hold together."""
    gaps = values[:, None] - values
    down, up = (values - low) ** 2, (high - values) ** 2
    lows, highs = gaps - np.sqrt(down[:, None] + up), gaps + np.sqrt(up[:, None] + down)
    others = ~np.eye(len(values), dtype=bool)
    return Estimate(float(gaps.max()), max(float(lows[others].max()), 0.0), float(highs[others].max()))


def _ratio(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> Estimate:
    """The smallest ratio, likewise."""
    highest = float(values.max())
    if highest == 0:
        return NAN
    others = ~np.eye(len(values), dtype=bool)
    lows, highs = (bounds[others] for bounds in ratio_bounds((values, low, high), (values, low, high)))
    return Estimate(float(values.min()) / highest, float(lows.min()), min(float(highs.min()), 1.0))


def ratio_bounds(
    over: tuple[np.ndarray, np.ndarray, np.ndarray], under: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the intervals of all ratios `[over, under]` of independent values, given with their ends each."""
    (a, a_low, a_high), (b, b_low, b_high) = (tuple(part[:, None] for part in over), under)
    product = a * b
    with np.errstate(divide="ignore", invalid="ignore"):
        smaller, larger = a_low * (2 * a - a_low), b_high * (2 * b - b_high)
        lows = smaller / (product + np.sqrt(np.maximum(product**2 - smaller * larger, 0.0)))
        smaller, larger = a_high * (2 * a - a_high), b_low * (2 * b - b_low)
        highs = (product + np.sqrt(np.maximum(product**2 - smaller * larger, 0.0))) / larger
    return np.nan_to_num(lows, nan=0.0), np.nan_to_num(highs, nan=np.inf)


def _p(measure: Measure, index: np.ndarray, groups: Sequence[int], clusters: np.ndarray | None) -> float:
    """That all groups are alike: the smallest p of a group beside the others, corrected for their number."""
    inside = np.isin(index, groups) & measure.counted
    values, index = measure.values[inside], index[inside]
    # Of two groups either beside the other is the same comparison.
    compared = groups[:1] if len(groups) == 2 else groups
    tests = []
    for group in compared:
        own = index == group
        if clusters is not None:
            found = grouped_difference(values, np.flatnonzero(own), clusters[inside])
            tests.append(math.nan if found is None else found[1])
        elif measure.is_share:
            tests.append(fisher(int(values[own].sum()), int(own.sum()), int(values.sum()), len(values)))
        else:
            tests.append(mean_difference(values[own], values[~own])[1])
    known = [p for p in tests if not math.isnan(p)]
    return min(min(known) * len(compared), 1.0) if known else math.nan
