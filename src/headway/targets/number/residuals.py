"""How a model's numbers lie beside the true ones: too high or too low, and for which of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from headway.as_json import AsJson
from headway.judge.intervals import Estimate, mean
from headway.seeds import generator
from headway.targets.number.metrics import check_numbers

__all__ = ["ResidualGroup", "Residuals", "judge_residuals"]

# By the true number; of groups with fewer items than ten, nothing can be said.
_GROUPS = 5
_MIN_IN_GROUP = 10
_MAX_POINTS = 500


@dataclass(frozen=True, kw_only=True)
class ResidualGroup(AsJson):
    """Items whose true numbers lie side by side, from `low` to `high`: their mean absolute error and their bias."""

    low: float
    high: float
    count: int
    error: Estimate
    bias: Estimate


@dataclass(frozen=True, kw_only=True)
class Residuals(AsJson):
    """How answers lie beside the truth.

    Attributes:
        bias: Mean of answer less truth, in the target's unit; above 0 where answers are too high.
        groups: The same by the size of the truth, the smallest numbers first; up to five groups.
        sentence: The finding in words.
        truth: To draw, float64 `[points]`, of at most 500 items, as `answers` and `rows`; in the page alone.
    """

    json_without: ClassVar[tuple[str, ...]] = ("truth", "answers", "rows")

    count: int
    bias: Estimate
    groups: list[ResidualGroup]
    sentence: str
    truth: np.ndarray = field(repr=False, compare=False)
    answers: np.ndarray = field(repr=False, compare=False)
    rows: np.ndarray = field(repr=False, compare=False)


def judge_residuals(answers: np.ndarray, targets: np.ndarray, rows: np.ndarray, *, seed: int = 0) -> Residuals:
    """How a model's numbers lie beside the true ones, one an item, `[items]` or `[items, 1]`.

    Example:
        >>> truth = np.arange(100.0)
        >>> print(judge_residuals(truth + 2 + np.arange(100) % 2, truth, np.arange(100)).sentence)
        Answers are too high: by 2.5 on average [2.397, 2.603].
    """
    answers, targets = (numbers[:, 0] for numbers in check_numbers(answers, targets))
    gaps = answers - targets
    bias = mean(gaps, seed=seed)
    edges = np.unique(np.quantile(targets, np.linspace(0, 1, _GROUPS + 1)[1:-1])) if len(targets) >= _GROUPS else []
    bins = np.searchsorted(edges, targets, side="left")
    groups = [_group(targets[bins == index], gaps[bins == index], seed) for index in np.unique(bins)]
    drawn = np.arange(len(targets))
    if len(drawn) > _MAX_POINTS:
        # Sorted, so that points come in the order of the rows.
        drawn = np.sort(generator(seed, "bootstrap").permutation(len(drawn))[:_MAX_POINTS])
    return Residuals(
        count=len(targets),
        bias=bias,
        groups=[group for group in groups if group.count >= _MIN_IN_GROUP],
        sentence=_sentence(bias),
        truth=targets[drawn],
        answers=answers[drawn],
        rows=rows[drawn],
    )


def _group(targets: np.ndarray, gaps: np.ndarray, seed: int) -> ResidualGroup:
    error = mean(np.abs(gaps), seed=seed)
    return ResidualGroup(
        low=float(targets.min()),
        high=float(targets.max()),
        count=len(targets),
        # A normal interval of a few items may reach below 0, where no error lies.
        error=Estimate(error.value, max(error.low, 0.0), error.high),
        bias=mean(gaps, seed=seed),
    )


def _sentence(bias: Estimate) -> str:
    ends = f"[{bias.low:.4g}, {bias.high:.4g}]"
    if bias.low <= 0 <= bias.high:
        return f"Answers are neither too high nor too low as far as can be told: {bias.value:+.4g} on average {ends}."
    if bias.value > 0:
        return f"Answers are too high: by {bias.value:.4g} on average {ends}."
    return f"Answers are too low: by {-bias.value:.4g} on average [{-bias.high:.4g}, {-bias.low:.4g}]."
