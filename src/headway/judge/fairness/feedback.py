"""Feedback: who is looked at is who is found, and who was found is who is looked at next.

Places, or groups, have the same or different true rates. Each round some visits are shared out among them by what was
recorded so far; what a visit finds is recorded. Records then say where one looked, and not what there is.

Source:
    Ensign et al. 2018, "Runaway feedback loops in predictive policing", arXiv:1706.09847, whose remedy is `weighed`:
    what is found counts the less, the more often one looked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from headway.as_json import AsJson
from headway.errors import ConfigError, did_you_mean
from headway.judge.intervals import Estimate, percentiles
from headway.seeds import generator

__all__ = ["RULES", "Feedback", "RuleName", "simulate_feedback"]

RuleName = Literal["most records", "in proportion", "evenly"]
# From the records so far, float64 `[places]`, to each place's share of the next visits.
Rule = Callable[[np.ndarray], np.ndarray]

# Of visits that go where most was recorded.
_MOST = 0.8


def _most_records(records: np.ndarray) -> np.ndarray:
    rest = (1 - _MOST) / (len(records) - 1)
    return np.where(np.arange(len(records)) == records.argmax(), _MOST, rest)


def _in_proportion(records: np.ndarray) -> np.ndarray:
    return records / records.sum() if records.sum() else _evenly(records)


def _evenly(records: np.ndarray) -> np.ndarray:
    return np.full(len(records), 1 / len(records))


RULES: dict[RuleName, Rule] = {
    "most records": _most_records,
    "in proportion": _in_proportion,
    "evenly": _evenly,
}


@dataclass(frozen=True)
class Feedback(AsJson):
    """What became of the records.

    Attributes:
        shares: Each place's share of all records after each round, float64 `[runs, rounds, places]`.
        true_shares: Their shares if all were looked at alike, float64 `[places]`.
    """

    json_without: ClassVar[tuple[str, ...]] = ("shares",)
    json_also: ClassVar[tuple[str, ...]] = ("last", "sentence")

    shares: np.ndarray
    true_shares: np.ndarray

    @property
    def last(self) -> list[Estimate]:
        """Each place's share of the records at the end: the mean of the runs, and where 95 % of the runs are."""
        return [Estimate(float(ends.mean()), *percentiles(ends)) for ends in self.shares[:, -1].T]

    @property
    def sentence(self) -> str:
        """The first place in words."""
        ahead = int((self.shares[:, -1, 0] > self.true_shares[0]).sum())
        return (
            f"The first place has {self.last[0]} of the records at the end (95 % of {len(self.shares):,} runs), and "
            f"{self.true_shares[0]:.3f} of what there is; it has more than that in {ahead:,} runs."
        )


def simulate_feedback(
    rule: RuleName | Rule = "most records",
    *,
    records: Sequence[int] = (52, 48),
    rates: Sequence[float] = (0.1, 0.1),
    visits: int = 100,
    rounds: int = 50,
    weighed: bool = False,
    runs: int = 100,
    seed: int = 0,
) -> Feedback:
    """Simulate a loop in which what was recorded decides where one looks.

    Args:
        rule: How visits are shared out: "most records" (8 of 10 go where most was recorded), "in proportion" to
            records, or "evenly"; or a function from the records so far, float64 `[places]`, to shares that sum to one.
        records: What is recorded at the beginning, a number a place.
        rates: How likely a visit to each place is to find something.
        visits: Visits a round.
        rounds: Rounds, such as weeks.
        weighed: Whether what is found counts by how rarely one looked: divided by the place's share of the visits.
        runs: How often it is done, with other luck.
        seed: Decides all luck.

    Raises:
        ConfigError: If places, rates or counts cannot be simulated, or a rule's shares do not sum to one.

    Example:
        >>> for rule in ("most records", "evenly"):
        ...     print(simulate_feedback(rule, seed=1).last[0].format(2))
        0.75 [0.73, 0.78]
        0.50 [0.47, 0.54]
    """
    decide = _checked(rule, records, rates, {"visits": visits, "rounds": rounds, "runs": runs})
    shares = np.empty((runs, rounds, len(records)))
    for run in range(runs):
        draw, recorded = generator(seed, "bootstrap", row=run), np.array(records, dtype=np.float64)
        for step in range(rounds):
            chosen = np.asarray(decide(recorded.copy()), dtype=np.float64)
            if chosen.shape != recorded.shape or not np.isclose(chosen.sum(), 1) or (chosen < 0).any():
                what, fix = "A rule must give each place a share of the visits.", "Let the shares sum to one."
                raise ConfigError(what, given=f"shares {chosen.tolist()}", fix=fix)
            hits = draw.binomial(draw.multinomial(visits, chosen / chosen.sum()), rates)
            if weighed:
                # As many as would have been found, on average, had one looked everywhere alike.
                hits = hits / np.where(chosen > 0, chosen * len(chosen), 1.0)
            recorded = recorded + hits
            shares[run, step] = recorded / max(recorded.sum(), 1.0)
    true = np.asarray(rates, dtype=np.float64)
    return Feedback(shares, true / true.sum() if true.sum() else np.full(len(true), 1 / len(true)))


def _checked(rule: RuleName | Rule, records: Sequence[int], rates: Sequence[float], counts: dict[str, int]) -> Rule:
    problems = [f"{name}={count}" for name, count in counts.items() if count < 1]
    if len(records) != len(rates) or len(records) < 2:
        problems.append(f"{len(records)} records, {len(rates)} rates")
    problems += [f"a rate of {rate:g}" for rate in rates if not 0 <= rate <= 1]
    problems += [f"{number} records" for number in records if number < 0]
    if problems:
        what = "Feedback needs two places or more, each with its records and its rate, and counts of at least 1."
        raise ConfigError(what, given=problems, fix="Pass such as records=(52, 48), rates=(0.1, 0.1).")
    if not isinstance(rule, str):
        return rule
    if rule not in RULES:
        raise ConfigError("This rule is not known.", given=repr(rule), fix=did_you_mean(rule, RULES))
    return RULES[rule]
