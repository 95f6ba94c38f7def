"""Rules that cannot all hold: where base rates differ, equal precision and equal error rates exclude one another.

Of a group with base rate b, precision v and true positive rate t the false positive rate is
b / (1 - b) * (1 - v) / v * t. Nothing is left to choose: with v and t equal in two groups, it differs wherever b does.

Source:
    Chouldechova 2017, "Fair prediction with disparate impact", arXiv:1703.00056, for the equation; Kleinberg,
    Mullainathan and Raghavan 2016, "Inherent trade-offs in the fair determination of risk scores", arXiv:1609.05807.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import ClassVar

from headway.as_json import AsJson
from headway.judge.fairness.gaps import Gap
from headway.judge.fairness.rates import GroupRates
from headway.judge.intervals import newcombe

__all__ = ["Conflict", "conflicts", "implied_false_positive_rate"]


def implied_false_positive_rate(base_rate: float, *, precision: float, true_positive_rate: float) -> float:
    """The false positive rate that the other three leave; above 1 where they cannot all hold. NaN if one is 0 or 1.

    Example:
        >>> round(implied_false_positive_rate(0.3, precision=0.8, true_positive_rate=0.8), 3)
        0.086
    """
    if not (0 < base_rate < 1 and precision > 0):
        return math.nan
    return base_rate / (1 - base_rate) * (1 - precision) / precision * true_positive_rate


@dataclass(frozen=True, kw_only=True)
class Conflict(AsJson):
    """Two groups whose base rates differ: what equal precision and equal true positive rates would force on them.

    Attributes:
        column: The column of groups.
        label: The class.
        groups: The group with the lower base rate, and the one with the higher.
        base_rates: Of both.
        precision: The mean of both, taken to be equal.
        true_positive_rate: Likewise.
        false_positive_rates: What follows, of both.
    """

    json_also: ClassVar[tuple[str, ...]] = ("sentence",)

    column: str
    label: str
    groups: tuple[str, str]
    base_rates: tuple[float, float]
    precision: float
    true_positive_rate: float
    false_positive_rates: tuple[float, float]

    @property
    def sentence(self) -> str:
        """The conflict in words."""
        (low, high), (lower, higher) = self.groups, self.base_rates
        forced = " and ".join(
            f"{share:.3f} for {name}" for share, name in zip(self.false_positive_rates, self.groups, strict=True)
        )
        return (
            f'By {self.column} the base rate of "{self.label}" is {lower:.3f} for {low} and {higher:.3f} for {high}. '
            f"With equal precision ({self.precision:.3f}) and equal true positive rates "
            f"({self.true_positive_rate:.3f}), false positive rates must be {forced}: equal precision and equal error "
            "rates cannot both hold. Which of them matters is a decision, and no data make it."
        )


def conflicts(groups: Sequence[GroupRates], gaps: Sequence[Gap]) -> list[Conflict]:
    """One for each single column and class whose base rates differ beyond chance."""
    found = []
    for gap in gaps:
        if gap.measure != "base_rate" or gap.verdict != "differ" or len(gap.columns) != 1:
            continue
        column = gap.columns[0]
        named = [one for one in groups if [*one.where] == [column] and one.label == gap.label]
        pair = _largest_pair(named)
        if pair is None:
            continue
        ends = pair[0].where[column], pair[1].where[column]
        means = {name: sum(one.rates[name].value for one in pair) / 2 for name in ("precision", "true_positive_rate")}
        bases = [one.rates["base_rate"].value for one in pair]
        forced = [implied_false_positive_rate(base, **means) for base in bases]
        if not any(math.isnan(share) for share in forced):
            found.append(
                Conflict(
                    column=column,
                    label=gap.label,
                    groups=ends,
                    base_rates=(bases[0], bases[1]),
                    **means,
                    false_positive_rates=(forced[0], forced[1]),
                )
            )
    return found


def _largest_pair(groups: Sequence[GroupRates]) -> tuple[GroupRates, GroupRates] | None:
    """Of the groups of which all is known the two largest whose base rates surely differ, the lower one first."""
    known = [
        one
        for one in groups
        if not any(math.isnan(one.rates[name].value) for name in ("base_rate", "precision", "true_positive_rate"))
    ]
    sure = [
        (low, high)
        for low, high in permutations(known, 2)
        if newcombe(high.rates["base_rate"], low.rates["base_rate"]).low > 0
    ]
    return max(sure, key=lambda pair: sorted((pair[0].count, pair[1].count)), default=None)
