"""The page's section on a model that answers with numbers: answers beside the truth."""

from __future__ import annotations

from html import escape

import numpy as np

from headway.judge.intervals import INTERVAL
from headway.judge.report.inputs import ReportInputs
from headway.judge.report.page.charts import Frame, Point, axes, figure, ideal, points, ticks
from headway.judge.report.page.marks import number, table
from headway.judge.report.report import Report, Section
from headway.targets.number.residuals import Fit, judge_fit

__all__ = ["sections"]


def sections(inputs: ReportInputs) -> dict[str, Section]:
    """What only one number an item has: how predictions lie beside the truth."""
    seen = inputs.seen
    if seen.predictions.shape[1] > 1:
        return {}
    found = judge_fit(seen.predictions, seen.targets, seen.rows, seed=inputs.seed)
    return {"fit": Section("Predictions beside the truth", found, _fit)}


def _fit(report: Report, found: Fit) -> str:
    """Predictions and residuals by the truth, drawn and in groups."""
    rows = [
        f'<tr><th scope="row">{each.low:.4g} to {each.high:.4g}</th><td>{each.count:,}</td>'
        f"{number(each.error, digits=each.error.digits)}"
        f"{number(each.bias, digits=each.bias.digits, sign=True)}</tr>"
        for each in found.groups
    ]
    caption = (
        f"On {report.focus_part}, {found.count:,} items in groups of about the same size by their true number, with "
        f"{INTERVAL}s. Bias: the mean of answer less truth, above 0 where answers are too high."
    )
    body = table(caption, ["<Truth", "Items", "Mean absolute error", "Bias"], rows)
    drawn = len(found.truth)
    some = "" if drawn == found.count else f" {drawn:,} of {found.count:,} items, drawn at random."
    reading = (
        f'<p class="soft">On the dotted line an answer is the truth.{some} Answers that lie flatter than the line are '
        "drawn to the mean: large numbers are answered too low and small ones too high.</p>"
    )
    return (
        f'<p>{escape(found.sentence)}</p><div class="charts">{_scatter(found)}{_residuals(found)}</div>{reading}{body}'
    )


def _scatter(found: Fit) -> str:
    low, high = (
        float(end) for end in (min(found.truth.min(), found.answers.min()), max(found.truth.max(), found.answers.max()))
    )
    frame = _frame(found.truth, np.array([low, high]))
    ends = frame.left, frame.right
    told = f"{len(found.truth):,} items; truth from {found.truth.min():.4g} to {found.truth.max():.4g}, answers from "
    told += f"{found.answers.min():.4g} to {found.answers.max():.4g}"
    return _chart("Answer (up) by truth (along)", told, frame, found, found.answers, [(end, end) for end in ends])


def _residuals(found: Fit) -> str:
    gaps = found.answers - found.truth
    frame = _frame(found.truth, np.append(gaps, 0.0))
    told = f"from {gaps.min():.4g} to {gaps.max():.4g}, half of them between {np.quantile(gaps, 0.25):.4g} and "
    told += f"{np.quantile(gaps, 0.75):.4g}"
    line = [(frame.left, 0.0), (frame.right, 0.0)]
    return _chart("Answer less truth (up) by truth (along)", told, frame, found, gaps, line)


def _chart(title: str, told: str, frame: Frame, found: Fit, up: np.ndarray, line: list[tuple[float, float]]) -> str:
    given = [
        Point(float(x), float(y), tip=f"row {row}: truth {x:.4g}, answer {answer:.4g}", radius=2.5)
        for x, y, answer, row in zip(found.truth, up, found.answers, found.rows.tolist(), strict=True)
    ]
    marks = [(tick, f"{tick:g}") for tick in ticks(frame.left, frame.right)]
    body = axes(frame, x_marks=marks, x_title="truth") + ideal(frame, line)
    return figure(title, told, body + points(frame, "one cloud", given, joined=False))


def _frame(along: np.ndarray, up: np.ndarray) -> Frame:
    (left, right), (low, high) = (_padded(float(each.min()), float(each.max())) for each in (along, up))
    return Frame(left, right, low, high)


def _padded(low: float, high: float) -> tuple[float, float]:
    pad = 0.04 * (high - low) or abs(high) * 0.05 or 1.0
    return low - pad, high + pad
