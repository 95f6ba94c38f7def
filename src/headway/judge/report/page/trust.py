"""The page's sections on what to make of the model: the diagnosis and the learning curve."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Literal

from headway.judge.diagnosis.finding import KINDS, Finding
from headway.judge.report.page.charts import Frame, Point, axes, curve, figure, points
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
    """Accuracy and loss of the head by the number of training items, and what twice the data would bring."""
    found = report.learning_curve
    if found is None:
        return ""
    rows = [
        f'<tr><th scope="row">{each.num_items:,}</th><td>{each.num_draws}</td>{number(each.accuracy)}'
        f"{number(each.log_loss)}</tr>"
        for each in found.points
    ]
    caption = (
        f"The head on frozen features, judged on {found.num_judged:,} items of {report.focus_part}, by the number of "
        "training items; few items are drawn several times, and the values are means."
    )
    numbers = details("The numbers", table(caption, ["<Training items", "Draws", "Accuracy", "Log loss"], rows))
    charts = _size_chart(found, "accuracy") + _size_chart(found, "log_loss")
    return f'<p>{escape(found.sentence)}</p><div class="charts">{charts}</div>{numbers}'


def _size_chart(found: LearningCurve, name: Literal["accuracy", "log_loss"]) -> str:
    sizes = [each.num_items for each in found.points]
    given = [
        Point(each.num_items, score.value, score.low, score.high, f"{each.num_items:,} items: {score}")
        for each in found.points
        for score in [getattr(each, name)]
    ]
    title, at, values = found.expected(name)
    expected = list(zip(at.tolist(), values.tolist(), strict=True))
    ends = [end for each in given for end in (each.low, each.high) if end is not None and math.isfinite(end)]
    heights = [each.y for each in given] + ends + [y for _, y in expected]
    pad = 0.05 * (max(heights) - min(heights)) or 0.05
    low, high = max(min(heights) - pad, 0.0), max(heights) + pad
    frame = Frame(sizes[0], 2 * sizes[-1], low, min(high, 1.0) if name == "accuracy" else high, log=True)
    few = sizes[::2] if len(sizes) > 5 else sizes[:-1]
    marks = [(float(size), f"{size:,}") for size in [*few[:-1], sizes[-1], 2 * sizes[-1]]]
    body = axes(frame, x_marks=marks, x_title="training items")
    body += curve(frame, "two", expected) if expected else ""
    body += points(frame, "one", given, joined=not expected)
    told = f"from {given[0].y:.3g} with {sizes[0]:,} items to {given[-1].y:.3g} with {sizes[-1]:,}"
    keys = [("one", "measured")]
    if expected:
        keys.append(("two", title))
        told += f"; the power law gives {expected[-1][1]:.3g} for {2 * sizes[-1]:,}"
    return figure(title_of(name), told, body, keys=keys)


def _evidence(value: object) -> str:
    """A number of the evidence, an interval in the usual form."""
    if isinstance(value, Mapping) and value.keys() == {"value", "low", "high"}:
        low, high = (NOT_KNOWN if value[end] is None else f"{value[end]:.4g}" for end in ("low", "high"))
        return NOT_KNOWN if value["value"] is None else f"{value['value']:.4g} [{low}, {high}]"
    return shown(value)
