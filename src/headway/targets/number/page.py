"""How a model's numbers lie beside the true ones, too high or too low, and for which of them; in numbers and drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import ClassVar

import numpy as np

from headway.as_json import AsJson
from headway.judge.intervals import INTERVAL, Estimate, mean
from headway.judge.report.inputs import ReportInputs
from headway.judge.report.page.charts import Frame, Point, axes, figure, ideal, points, ticks
from headway.judge.report.page.marks import number, table
from headway.judge.report.report import Report, Section
from headway.seeds import generator
from headway.targets.number.metrics import check_numbers

__all__ = ["ResidualGroup", "Residuals", "judge_residuals", "sections"]

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
        Predictions are too high by 2.5 on average [2.397, 2.603].
    """
    answers, targets = (numbers[:, 0] for numbers in check_numbers(answers, targets))
    gaps = answers - targets
    bias = mean(gaps, seed=seed)
    # Equal edges, of a number that most items share, make one group and not several empty ones.
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
        return f"No clear bias: {bias.value:+.4g} on average {ends}."
    if bias.value > 0:
        return f"Predictions are too high by {bias.value:.4g} on average {ends}."
    return f"Predictions are too low by {-bias.value:.4g} on average [{-bias.high:.4g}, {-bias.low:.4g}]."


def sections(inputs: ReportInputs) -> dict[str, Section]:
    """What only one number an item has: how predictions lie beside the truth."""
    seen = inputs.seen
    if seen.predictions.shape[1] > 1:
        return {}
    residuals = judge_residuals(seen.predictions, seen.targets, seen.rows, seed=inputs.seed)
    return {"fit": Section("Predictions beside the truth", residuals, _html)}


def _html(report: Report, residuals: Residuals) -> str:
    """Predictions and residuals by the truth, drawn and in groups."""
    rows = [
        f'<tr><th scope="row">{group.low:.4g} to {group.high:.4g}</th><td>{group.count:,}</td>'
        f"{number(group.error, digits=group.error.digits)}"
        f"{number(group.bias, digits=group.bias.digits, sign=True)}</tr>"
        for group in residuals.groups
    ]
    caption = (
        f"On {report.focus_part}, {residuals.count:,} items in groups of about the same size by their true number, "
        f"with {INTERVAL}s. Bias: mean of prediction minus truth; above 0 means too high."
    )
    body = table(caption, ["<Truth", "Items", "Mean absolute error", "Bias"], rows)
    drawn = len(residuals.truth)
    some = "" if drawn == residuals.count else f" {drawn:,} of {residuals.count:,} items, drawn at random."
    reading = (
        f'<p class="soft">On the dotted line the prediction equals the truth.{some} A flatter cloud is regression to '
        "the mean: large numbers are predicted too low, small ones too high.</p>"
    )
    charts = _answers_by_truth(residuals) + _gaps_by_truth(residuals)
    return f'<p>{escape(residuals.sentence)}</p><div class="charts">{charts}</div>{reading}{body}'


def _answers_by_truth(residuals: Residuals) -> str:
    truth, answers = residuals.truth, residuals.answers
    # Upwards the axis reaches over the truth, too, so that all of the line can be seen.
    frame = _frame(truth, np.append(truth, answers))
    description = f"{len(truth):,} items; truth from {truth.min():.4g} to {truth.max():.4g}, predictions from "
    description += f"{answers.min():.4g} to {answers.max():.4g}"
    line = [(end, end) for end in (frame.left, frame.right)]
    return _chart("Prediction (vertical) by truth (horizontal)", description, frame, residuals, answers, line)


def _gaps_by_truth(residuals: Residuals) -> str:
    gaps = residuals.answers - residuals.truth
    frame = _frame(residuals.truth, np.append(gaps, 0.0))
    description = f"from {gaps.min():.4g} to {gaps.max():.4g}, half of them between {np.quantile(gaps, 0.25):.4g} and "
    description += f"{np.quantile(gaps, 0.75):.4g}"
    line = [(frame.left, 0.0), (frame.right, 0.0)]
    return _chart("Prediction minus truth (vertical) by truth (horizontal)", description, frame, residuals, gaps, line)


def _chart(
    title: str, description: str, frame: Frame, residuals: Residuals, up: np.ndarray, line: list[tuple[float, float]]
) -> str:
    cloud = [
        Point(float(x), float(y), tip=f"row {row}: truth {x:.4g}, prediction {answer:.4g}", radius=2.5)
        for x, y, answer, row in zip(residuals.truth, up, residuals.answers, residuals.rows.tolist(), strict=True)
    ]
    marks = [(tick, f"{tick:g}") for tick in ticks(frame.left, frame.right)]
    body = axes(frame, x_marks=marks, x_title="truth") + ideal(frame, line)
    return figure(title, description, body + points(frame, "one cloud", cloud, joined=False))


def _frame(along: np.ndarray, up: np.ndarray) -> Frame:
    return Frame(*_padded(along), *_padded(up))


def _padded(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    # All of one value still need an axis.
    pad = 0.04 * (high - low) or abs(high) * 0.05 or 1.0
    return low - pad, high + pad
