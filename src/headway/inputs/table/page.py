"""The page's section on what the model uses of a table: importance, dependence, columns that say the same."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from headway.inputs.table.redundancy import CLOSE
from headway.judge.report.page.charts import Frame, Point, axes, curve, figure, interval, points
from headway.judge.report.page.marks import details, number, percent, table

if TYPE_CHECKING:
    from headway.inputs.table.dependence import Dependence, DependencePoint
    from headway.inputs.table.importance import Importance
    from headway.inputs.table.interpret import ColumnUse
    from headway.judge.report.report import Report

__all__ = ["uses"]

_MANY = 15


def uses(report: Report, found: ColumnUse) -> str:
    """What the model uses of the columns."""
    curves = "".join(_curve(each) for each in found.dependences if not each.is_category and len(each.points) > 1)
    tables = "".join(_categories(each) for each in found.dependences if each.is_category or len(each.points) == 1)
    shown = _reading(found) if found.dependences else ""
    charts = f'<div class="charts">{curves}</div>' if curves else ""
    return _importance(report, found.importance, found.part) + _redundant(found) + shown + charts + tables


def _importance(report: Report, found: Importance, part: str) -> str:
    drops = [each.drop for each in found.columns]
    low, high = min(min(each.low for each in drops), 0.0), max(each.high for each in drops)
    rows = [
        f'<tr><th scope="row">{escape(each.name)}</th>{number(each.drop)}'
        f'<td class="wide-only">{interval(each.drop, low, high)}</td></tr>'
        for each in found.columns
    ]
    caption = (
        f"How much worse {report.known.title} is when a column is shuffled among the items, {found.permutations} "
        f"times. On {found.num_items:,} items of {part}, with 95 % intervals; those that hold 0 are of columns that "
        "the model may not use."
    )
    head = ["<Column", "Worse by", "~Interval"]
    if len(rows) <= _MANY:
        return table(caption, head, rows)
    rest = details(f"The other {len(rows) - _MANY} columns", table("Less needed columns.", head, rows[_MANY:]))
    return table(caption, head, rows[:_MANY]) + rest


def _redundant(found: ColumnUse) -> str:
    groups = found.redundancy.groups() if found.redundancy else []
    if not groups:
        return ""
    listed = "".join(f"<li>{escape(', '.join(group))}</li>" for group in groups)
    return (
        f"<p>These say nearly the same (association of {CLOSE:g} or more), so that each may seem less needed than it "
        f"is:</p><ul>{listed}</ul>"
    )


def _reading(found: ColumnUse) -> str:
    count = f"{found.dependences[0].num_items:,}"
    return (
        "<h3>How answers change with a column</h3>"
        f'<p class="soft">The mean over {count} items of {escape(found.part)}, with one column set to a value for all '
        "of them and the others left as they are. It shows what the model does, not what the world does. Between the "
        "dashed lines lie the answers for the middle 80 % of the items.</p>"
    )


def _curve(found: Dependence) -> str:
    places = [_along(each.value) for each in found.points]
    given = [_point(place, each) for place, each in zip(places, found.points, strict=True)]
    inner, outer = (
        [(place, each.quantiles[end]) for place, each in zip(places, found.points, strict=True)] for end in (0, -1)
    )
    values = [y for _, y in (*inner, *outer)] + [each.y for each in given]
    pad = 0.05 * (max(values) - min(values)) or 0.05
    frame = Frame(places[0], places[-1], min(values) - pad, max(values) + pad)
    shown = sorted({0, len(places) // 2, len(places) - 1})
    marks = [(places[at], _text(found.points[at].value)) for at in shown]
    body = axes(frame, x_marks=marks, x_title=found.column)
    body += curve(frame, "two", inner) + curve(frame, "two", outer) + points(frame, "one", given)
    told = (
        f"{found.answer} from {given[0].y:.3g} at {_text(found.points[0].value)} to {given[-1].y:.3g} at "
        f"{_text(found.points[-1].value)}"
    )
    return figure(f"{found.answer} by {found.column}", told, body)


def _categories(found: Dependence) -> str:
    given = [*found.points, *([found.missing] if found.missing else [])]
    low, high = min(each.answer.low for each in given), max(each.answer.high for each in given)
    rows = [
        f'<tr><th scope="row">{escape(_text(each.value))}</th><td>{percent(each.share)}</td>{number(each.answer)}'
        f'<td class="wide-only">{interval(each.answer, low, high)}</td></tr>'
        for each in given
    ]
    caption = f"{found.answer} by {found.column}. Share: of the items that have the value."
    return table(caption, ["<Value", "Share", "Mean answer", "~Interval"], rows)


def _point(place: float, found: DependencePoint) -> Point:
    answer = found.answer
    return Point(place, answer.value, answer.low, answer.high, f"{_text(found.value)}: {answer}", 2.5)


def _along(value: Any) -> float:
    """A number's place, or a day's."""
    return float(value.toordinal() if hasattr(value, "toordinal") else value)


def _text(value: Any) -> str:
    if value is None:
        return "(missing)"
    if hasattr(value, "toordinal"):
        return f"{value:%Y-%m-%d}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
