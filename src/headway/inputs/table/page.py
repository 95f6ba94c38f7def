"""The page's section on what the model uses of a table: importance, dependence, columns that say the same."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from headway.inputs.table.redundancy import CLOSE
from headway.judge.report.page.charts import Frame, Point, axes, curve, figure, interval, points
from headway.judge.report.page.marks import details, number, percent, table

if TYPE_CHECKING:
    from headway.inputs.table.dependence import Dependence
    from headway.inputs.table.importance import Importance
    from headway.inputs.table.interpret import ColumnUse
    from headway.judge.intervals import Estimate
    from headway.judge.report.report import Report

__all__ = ["uses"]

# Columns that stand in the table of importances; the others are folded away below it.
_NUM_SHOWN = 15


def uses(report: Report, column_use: ColumnUse) -> str:
    """What the model uses of the columns."""
    charts, tables = "", ""
    for dependence in column_use.dependences:
        # A single value makes no curve.
        if dependence.is_category or len(dependence.points) == 1:
            tables += _categories(dependence)
        else:
            charts += _curve(dependence)
    html = f"<p>{escape(column_use.note)}</p>" if column_use.note else ""
    html += _importance(report, column_use.importance, column_use.part) + _redundant(column_use)
    html += _reading(column_use) if column_use.dependences else ""
    return html + (f'<div class="charts">{charts}</div>' if charts else "") + tables


def _importance(report: Report, importance: Importance, part: str) -> str:
    drops = [column.drop for column in importance.columns]
    # The scale has 0 on it, as an interval that contains it says that the column may not be used.
    low, high = min(0.0, *(drop.low for drop in drops)), max(drop.high for drop in drops)
    rows = [_row(column.name, "", column.drop, low, high) for column in importance.columns]
    caption = (
        f"How much worse {report.known.title} is when a column is shuffled among the items, {importance.permutations} "
        f"times. On {importance.num_items:,} items of {part}, with 95 % intervals. Where one contains 0, "
        "the model may not use the column."
    )
    head = ["<Column", "Worse by", "~Interval"]
    others = table("Less needed columns.", head, rows[_NUM_SHOWN:])
    folded = details(f"The other {len(rows) - _NUM_SHOWN} columns", others) if len(rows) > _NUM_SHOWN else ""
    return table(caption, head, rows[:_NUM_SHOWN]) + folded


def _redundant(column_use: ColumnUse) -> str:
    groups = column_use.redundancy.groups() if column_use.redundancy else []
    if not groups:
        return ""
    listed = "".join(f"<li>{escape(', '.join(group))}</li>" for group in groups)
    return (
        f"<p>These columns hold nearly the same (association of {CLOSE:g} or more), so the importance of each may be "
        f"underestimated:</p><ul>{listed}</ul>"
    )


def _reading(column_use: ColumnUse) -> str:
    count = f"{column_use.dependences[0].num_items:,}"
    return (
        "<h3>How answers change with a column</h3>"
        f'<p class="soft">The mean over {count} items of {escape(column_use.part)}, with one column set to a value for '
        "all of them and the others left as they are. It describes the model, not cause and effect. Between "
        "the dashed lines lie the answers for the middle 80 % of the items.</p>"
    )


def _curve(dependence: Dependence) -> str:
    along = [_along(point.value) for point in dependence.points]
    means = [
        Point(x, point.answer.value, point.answer.low, point.answer.high, f"{point.label}: {point.answer}", 2.5)
        for x, point in zip(along, dependence.points, strict=True)
    ]
    low, high = (
        [(x, point.quantiles[end]) for x, point in zip(along, dependence.points, strict=True)] for end in (0, -1)
    )
    values = [y for _, y in (*low, *high)] + [point.y for point in means]
    pad = 0.05 * (max(values) - min(values)) or 0.05
    frame = Frame(along[0], along[-1], min(values) - pad, max(values) + pad)
    labels = [point.label for point in dependence.points]
    x_marks = [(along[index], labels[index]) for index in sorted({0, len(along) // 2, len(along) - 1})]
    body = axes(frame, x_marks=x_marks, x_title=dependence.column)
    body += curve(frame, "two", low) + curve(frame, "two", high) + points(frame, "one", means)
    described = f"{dependence.answer} from {means[0].y:.3g} at {labels[0]} to {means[-1].y:.3g} at {labels[-1]}"
    return figure(f"{dependence.answer} by {dependence.column}", described, body)


def _categories(dependence: Dependence) -> str:
    marks = [*dependence.points, *([dependence.missing] if dependence.missing else [])]
    low, high = min(point.answer.low for point in marks), max(point.answer.high for point in marks)
    rows = [_row(point.label, f"<td>{percent(point.share)}</td>", point.answer, low, high) for point in marks]
    caption = f"{dependence.answer} by {dependence.column}. Share: of the items that have the value."
    return table(caption, ["<Value", "Share", "Mean answer", "~Interval"], rows)


def _row(label: str, cells: str, estimate: Estimate, low: float, high: float) -> str:
    """A table's row: an estimate, and its interval drawn between the least and the largest of the table."""
    bar = f'<td class="wide-only">{interval(estimate, low, high)}</td>'
    return f'<tr><th scope="row">{escape(label)}</th>{cells}{number(estimate)}{bar}</tr>'


def _along(value: Any) -> float:
    """A number's place, or a day's."""
    return float(value.toordinal() if hasattr(value, "toordinal") else value)
