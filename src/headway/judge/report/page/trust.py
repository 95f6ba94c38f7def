"""The page's sections on what to make of the model: the diagnosis and the learning curve."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Literal

from headway.judge.diagnosis.finding import KINDS, Finding
from headway.judge.report.page.charts import Frame, Point, axes, figure, points, scale_of
from headway.judge.report.page.marks import NOT_KNOWN, capital, details, number, shown, table, title_of

if TYPE_CHECKING:
    from headway.judge.learning_curve import LearningCurve
    from headway.judge.report.report import Report

__all__ = ["diagnosis", "learning_curve"]


def diagnosis(report: Report) -> str:
    """What is wrong, the most severe first, each with what to try next."""
    if not report.findings:
        return "<p>Nothing wrong was found.</p>"
    return "".join(_finding(each) for each in report.findings)


def _finding(found: Finding) -> str:
    remedies = "".join(f"<li>{escape(capital(each))}</li>" for each in found.remedies)
    tries = f'<p class="tries">What to try, in this order:</p><ol>{remedies}</ol>' if remedies else ""
    evidence = "".join(
        f'<tr><th scope="row">{escape(title_of(name))}</th><td class="text">{escape(_evidence(value))}</td></tr>'
        for name, value in found.evidence.items()
    )
    if evidence:
        caption = f"What “{KINDS[found.kind]}” rests on."
        evidence = details("The evidence", table(caption, ["<Name", "<Value"], [evidence]))
    return (
        f'<article class="finding {found.severity}"><h3><span class="tag">{found.severity}</span>'
        f"{escape(capital(KINDS[found.kind]))}</h3><p>{escape(found.sentence)}</p>{tries}{evidence}</article>"
    )


def learning_curve(report: Report) -> str:
    """Accuracy and loss of the head by the number of training items."""
    measured = report.learning_curve
    if measured is None:
        return ""
    rows = [
        f'<tr><th scope="row">{point.num_items:,}</th><td>{point.num_draws}</td>{number(point.accuracy)}'
        f"{number(point.log_loss)}</tr>"
        for point in measured.points
    ]
    caption = (
        f"The head on frozen features, judged on {measured.num_judged:,} items of {report.focus_part}, by the number "
        "of training items; few items are drawn several times, and the values are means."
    )
    numbers = details("The numbers", table(caption, ["<Training items", "Draws", "Accuracy", "Log loss"], rows))
    charts = _size_chart(measured, "accuracy") + _size_chart(measured, "log_loss")
    return f'<p>{escape(measured.sentence)}</p><div class="charts">{charts}</div>{numbers}'


def _size_chart(measured: LearningCurve, name: Literal["accuracy", "log_loss"]) -> str:
    scores = [(point.num_items, getattr(point, name)) for point in measured.points]
    dots = [Point(size, score.value, score.low, score.high, f"{size:,} items: {score}") for size, score in scores]
    low, high = scale_of(score for _, score in scores)
    pad = 0.05 * (high - low) or 0.05
    sizes = [size for size, _ in scores]
    frame = Frame(
        sizes[0], sizes[-1], max(low - pad, 0.0), min(high + pad, 1.0 if name == "accuracy" else math.inf), log=True
    )
    # Six sizes have no room for a name each.
    shown = sizes[-1::-2] if len(sizes) > 5 else sizes
    body = axes(frame, x_marks=[(size, f"{size:,}") for size in shown], x_title="training items")
    body += points(frame, "one", dots)
    told = f"from {dots[0].y:.3g} with {sizes[0]:,} items to {dots[-1].y:.3g} with {sizes[-1]:,}"
    return figure(title_of(name), told, body)


def _evidence(value: object) -> str:
    """A number of the evidence, an interval in the usual form."""
    if isinstance(value, Mapping) and value.keys() == {"value", "low", "high"}:
        low, high = (NOT_KNOWN if value[end] is None else f"{value[end]:.4g}" for end in ("low", "high"))
        return NOT_KNOWN if value["value"] is None else f"{value['value']:.4g} [{low}, {high}]"
    return shown(value)
