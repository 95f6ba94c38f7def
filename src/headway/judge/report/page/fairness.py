"""The page's section on groups of people: what differs between them, their rates, and how far apart they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from headway.judge.fairness.gaps import Gap
from headway.judge.fairness.measures import TITLES
from headway.judge.fairness.report import FairnessReport, GroupRates
from headway.judge.intervals import INTERVAL
from headway.judge.report.page.marks import capital, details, number, p_value, table
from headway.judge.slices.compare import ENOUGH

__all__ = ["section"]

# Rows of a table that is open at once, and sentences that a reader takes in.
_MANY_ROWS, _MANY_SENTENCES = 24, 8


def section(fairness: FairnessReport) -> str:
    """The section on the page: what differs, the rates by group, the gaps."""
    text = [_list(fairness.sentences), _list(fairness.notes), _meaning(list(fairness.groups[0].rates))]
    for columns, label in dict.fromkeys((tuple(group.where), group.label) for group in fairness.groups):
        groups = [group for group in fairness.groups if (tuple(group.where), group.label) == (columns, label)]
        gaps = [gap for gap in fairness.gaps if (gap.columns, gap.label) == (columns, label)]
        of = f"“{label}” by " if label else "By "
        text.append(f"<h3>{escape(of + ' and '.join(columns))}</h3>")
        text.append(_folded(_rates(fairness, groups), len(groups), "groups") + _gaps(gaps))
    return "".join(text)


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
