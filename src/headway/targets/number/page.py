"""The page's section on a model that answers with numbers: answers beside the truth."""

from __future__ import annotations

from html import escape

import numpy as np

from headway.judge.intervals import INTERVAL
from headway.judge.report.inputs import ReportInputs
from headway.judge.report.page.charts import Frame, Point, axes, figure, ideal, points, ticks
from headway.judge.report.page.marks import number, table
from headway.judge.report.report import Report, Section
from headway.targets.number.residuals import Residuals, judge_residuals

__all__ = ["sections"]


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
        f"with {INTERVAL}s. Bias: the mean of answer less truth, above 0 where answers are too high."
    )
    body = table(caption, ["<Truth", "Items", "Mean absolute error", "Bias"], rows)
    drawn = len(residuals.truth)
    some = "" if drawn == residuals.count else f" {drawn:,} of {residuals.count:,} items, drawn at random."
    reading = (
        f'<p class="soft">On the dotted line an answer is the truth.{some} Answers that lie flatter than the line are '
        "drawn to the mean: large numbers are answered too low and small ones too high.</p>"
    )
    charts = _answers_by_truth(residuals) + _gaps_by_truth(residuals)
    return f'<p>{escape(residuals.sentence)}</p><div class="charts">{charts}</div>{reading}{body}'


def _answers_by_truth(residuals: Residuals) -> str:
    truth, answers = residuals.truth, residuals.answers
    # Upwards the axis reaches over the truth, too, so that all of the line can be seen.
    frame = _frame(truth, np.append(truth, answers))
    description = f"{len(truth):,} items; truth from {truth.min():.4g} to {truth.max():.4g}, answers from "
    description += f"{answers.min():.4g} to {answers.max():.4g}"
    line = [(end, end) for end in (frame.left, frame.right)]
    return _chart("Answer (up) by truth (along)", description, frame, residuals, answers, line)


def _gaps_by_truth(residuals: Residuals) -> str:
    gaps = residuals.answers - residuals.truth
    frame = _frame(residuals.truth, np.append(gaps, 0.0))
    description = f"from {gaps.min():.4g} to {gaps.max():.4g}, half of them between {np.quantile(gaps, 0.25):.4g} and "
    description += f"{np.quantile(gaps, 0.75):.4g}"
    line = [(frame.left, 0.0), (frame.right, 0.0)]
    return _chart("Answer less truth (up) by truth (along)", description, frame, residuals, gaps, line)


def _chart(
    title: str, description: str, frame: Frame, residuals: Residuals, up: np.ndarray, line: list[tuple[float, float]]
) -> str:
    cloud = [
        Point(float(x), float(y), tip=f"row {row}: truth {x:.4g}, answer {answer:.4g}", radius=2.5)
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
