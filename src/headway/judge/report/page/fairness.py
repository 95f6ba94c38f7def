"""The page's section on groups of people: what differs between them, their rates, and how far apart they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from headway.judge.fairness.gaps import Gap
from headway.judge.fairness.measures import TITLES
from headway.judge.fairness.rates import GroupRates
from headway.judge.fairness.remedies import EQUALIZED, Remedy
from headway.judge.fairness.report import FairnessReport
from headway.judge.intervals import INTERVAL
from headway.judge.report.page.charts import Frame, Point, axes, figure, points, scale_of, ticks
from headway.judge.report.page.marks import capital, details, number, p_value, table
from headway.judge.slices.compare import ENOUGH

__all__ = ["section"]

# Rows of a table that is open at once, and sentences that a reader takes in.
_MANY_ROWS, _MANY_SENTENCES = 24, 8
_PROXY = '<span class="flag">proxy</span>'


def section(fairness: FairnessReport) -> str:
    """The section on the page: what differs, the rates by group, the gaps."""
    text = [_list(fairness.sentences), _list(fairness.notes), _meaning(list(fairness.groups[0].rates))]
    for columns, label in dict.fromkeys((tuple(group.where), group.label) for group in fairness.groups):
        groups = [group for group in fairness.groups if (tuple(group.where), group.label) == (columns, label)]
        gaps = [gap for gap in fairness.gaps if (gap.columns, gap.label) == (columns, label)]
        of = f"“{label}” by " if label else "By "
        text.append(f"<h3>{escape(of + ' and '.join(columns))}</h3>")
        text.append(_folded(_rates(fairness, groups), len(groups), "groups") + _gaps(gaps))
    return "".join([*text, _sources(fairness), _proxies(fairness), _conflicts(fairness), _remedies(fairness)])


def _list(sentences: Sequence[str]) -> str:
    def items(some: Iterable[str]) -> str:
        return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in some) + "</ul>"

    if not sentences:
        return ""
    rest = sentences[_MANY_SENTENCES:]
    return items(sentences[:_MANY_SENTENCES]) + (details(f"{len(rest)} more", items(rest)) if rest else "")


def _meaning(names: Sequence[str]) -> str:
    told = [(escape(capital(title)), escape(of)) for title, of in map(TITLES.__getitem__, names)]
    rows = [f'<tr><th scope="row">{title}</th><td class="text">{of}</td></tr>' for title, of in told]
    return details(
        "What is measured", table("Each is a share or a mean of a group's items.", ["<Measure", "<Of"], rows)
    )


def _folded(body: str, count: int, noun: str) -> str:
    return body if count <= _MANY_ROWS else details(f"{count:,} {noun}", body)


def _rates(fairness: FairnessReport, groups: Sequence[GroupRates]) -> str:
    names = list(groups[0].rates)
    rows = [
        f'<tr><th scope="row">{escape(", ".join(group.where.values()))}</th><td>{group.count:,}</td>'
        f"{''.join(number(group.rates[name]) for name in names)}</tr>"
        for group in groups
    ]
    caption = f"On {fairness.part}, with {INTERVAL}s. A dash: fewer than {ENOUGH} items count."
    return table(caption, ["<Group", "Items", *(capital(TITLES[name][0]) for name in names)], rows, kind="wide")


def _gaps(gaps: Sequence[Gap]) -> str:
    flags = {"differ": '<span class="flag bad">differ</span>', "cannot say": '<span class="flag">cannot say</span>'}
    rows = [
        f'<tr><th scope="row">{escape(capital(TITLES[gap.measure][0]))}</th>{number(gap.difference)}'
        f'{number(gap.ratio)}<td>{p_value(gap.p)}</td><td class="text">{escape(gap.lowest)}</td>'
        f'<td class="text">{escape(gap.highest)}</td><td class="text">{flags.get(gap.verdict, "")}</td></tr>'
        for gap in gaps
    ]
    caption = (
        "How far apart the groups are. Difference: the highest minus the lowest; ratio: the lowest over the highest; "
        "their intervals hold for all pairs of groups. p is corrected for the number of comparisons."
    )
    heads = ["<Measure", "Difference", "Ratio", "p", "<Lowest", "<Highest", "<Verdict"]
    return table(caption, heads, rows, kind="wide")


def _sources(fairness: FairnessReport) -> str:
    """In sentences, not in a table: a phone has no room for its columns."""
    text = [
        f"<h4>{escape(capital(source.name))} bias</h4><p class='soft'>{escape(capital(source.meaning))}.</p>"
        f"{_list(source.shown)}<p>Not known: {escape(source.unknown)}.</p>"
        for source in fairness.sources
    ]
    opening = (
        "<p>Six sources of bias (Suresh and Guttag 2021), what these data show of them, and what no data show.</p>"
    )
    return f"<h3>Where it comes from</h3>{opening}{''.join(text)}"


def _proxies(fairness: FairnessReport) -> str:
    if not fairness.proxies:
        return ""
    rows = [
        f'<tr><th scope="row">{escape(proxy.column)}</th><td class="text">{escape(proxy.group)}</td>'
        f'{number(proxy.auroc)}<td class="text">{_PROXY if proxy.is_proxy else ""}</td></tr>'
        for proxy in fairness.proxies
    ]
    caption = (
        "How well each column that the model reads tells the group, cross-validated on training rows: AUROC, 0.5 by "
        "chance, 1 when it tells every member. Without the column of groups itself."
    )
    body = table(caption, ["<Column", "<Tells", "AUROC", "<Verdict"], rows)
    return f"<h3>Proxies</h3>{_folded(body, len(rows), 'columns')}"


def _conflicts(fairness: FairnessReport) -> str:
    text = "".join(f"<p>{escape(conflict.sentence)}</p>" for conflict in fairness.conflicts)
    return f"<h3>Rules that cannot all hold</h3>{text}" if text else ""


def _remedies(fairness: FairnessReport) -> str:
    if not fairness.remedies:
        return ""
    text = ["<h3>What can be done, and at what price</h3>"]
    for column in dict.fromkeys(remedy.column for remedy in fairness.remedies):
        own = [remedy for remedy in fairness.remedies if remedy.column == column]
        curves = [_curve(own, measure) for measure in EQUALIZED]
        text.append(f'<h4>By {escape(column)}</h4><div class="charts">{"".join(curves)}</div>')
        text.append(_prices([one for one in own if one.kind != "thresholds"]))
        thresholds = [one for one in own if one.kind == "thresholds"]
        text.append(details("Thresholds by group, in numbers", _prices(thresholds)))
        text.append(_lines([one for one in own if one.line and (one.kind != "thresholds" or one.strength == 1)]))
    note = (
        "Thresholds are those of this model, chosen on other rows than they are judged on. What needs training once "
        "more was measured on gradient boosting on the same rows and columns: a price is beside itself without the "
        "remedy, and its interval counts the luck of the judged rows, not that of training. Before thresholds by group "
        "are used, ask a lawyer: in many places they are forbidden, or required."
    )
    return "".join([*text, f'<p class="soft">{note}</p>'])


def _lines(remedies: Sequence[Remedy]) -> str:
    """What to run for each remedy, folded."""
    runs = "".join(
        f"<dt>{escape(capital(remedy.name))}</dt><dd><code>{escape(text)}</code></dd>"
        for remedy in remedies
        if remedy.line is not None
        for text in (remedy.line.command, remedy.line.python)
        if text
    )
    return details("What to run", f'<dl class="run">{runs}</dl>') if runs else ""


def _prices(remedies: Sequence[Remedy]) -> str:
    if not remedies:
        return ""
    measures = list(remedies[0].gaps)
    rows = [
        f'<tr><th scope="row">{escape(capital(remedy.name))}</th>{number(remedy.accuracy)}'
        f"{number(remedy.price, digits=1, sign=True)}{''.join(number(remedy.gaps[name]) for name in measures)}</tr>"
        for remedy in remedies
    ]
    caption = f"Accuracy, its price in points, and the gaps that are left between groups, with {INTERVAL}s."
    heads = ["<Remedy", "Accuracy", "Price", *(f"Gap: {TITLES[name][0]}" for name in measures)]
    return table(caption, heads, rows, kind="wide")


def _curve(remedies: Sequence[Remedy], measure: str) -> str:
    """Accuracy by the gap that thresholds leave, from none of it closed to all."""
    own = [remedy for remedy in remedies if remedy.measure == measure]
    known = [remedy for remedy in own if not math.isnan(remedy.gaps[measure].value)]
    if len(known) < 2:
        return ""
    dots = [
        Point(
            remedy.gaps[measure].value,
            remedy.accuracy.value,
            remedy.accuracy.low,
            remedy.accuracy.high,
            f"{remedy.strength:.0%}: gap {remedy.gaps[measure]}, accuracy {remedy.accuracy}",
        )
        for remedy in known
    ]
    low, high = scale_of(remedy.accuracy for remedy in known)
    pad = 0.05 * (high - low) or 0.05
    right = max(dot.x for dot in dots) or 0.1
    frame = Frame(0.0, 1.05 * right, max(low - pad, 0.0), min(high + pad, 1.0))
    title = TITLES[measure][0]
    marks = [(tick, f"{tick:g}") for tick in ticks(0.0, right)]
    body = axes(frame, x_marks=marks, x_title=f"gap in the {title} that is left") + points(frame, "one", dots)
    told = f"from a gap of {dots[0].x:.3f} at {dots[0].y:.3f} to a gap of {dots[-1].x:.3f} at {dots[-1].y:.3f}"
    return figure(f"Accuracy by the gap in the {title}", told, body)
