"""The report as one HTML page that loads nothing: no script, no font, no picture from elsewhere.

Charts are SVG drawn here, photos are embedded. Everything that comes from data (labels, names, notes) is escaped.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from headway.judge.intervals import INTERVAL, Estimate
from headway.judge.report.page import fairness, sections
from headway.judge.report.page.document import document
from headway.judge.report.page.marks import capital, pairs, percent, plural

if TYPE_CHECKING:
    from headway.judge.report.report import Report

__all__ = ["render"]

ANSWERS = {
    "better": "Yes, it is better than the best baseline",
    "indistinguishable": "No clear difference from the best baseline",
    "worse": "No, the best baseline is better",
}
ONLY_WITHOUT = (
    "Better than every baseline without the pretrained network, no clear difference from the best one with it"
)


def render(report: Report) -> str:
    """A whole HTML document in UTF-8, with the verdict first, then what is wrong."""
    (answer, _), name = _answer(report), escape(report.name) or "Report"
    return document(
        title=f"{name}: {answer}",
        eyebrow="Headway report",
        heading=f"{name}: is the model good?",
        top=_verdict(report),
        sections=_sections(report),
        footer=f"Every interval is a {INTERVAL} unless said otherwise. The same numbers are in report.json.",
    )


def _sections(report: Report) -> dict[str, tuple[str, str]]:
    """Titles and contents by the sections' ids, in order; those without content are left out."""
    contents = {
        "diagnosis": ("Diagnosis", sections.diagnosis(report)),
        "baselines": ("Against baselines", sections.baselines(report)),
        "metrics": ("Metrics", sections.metrics(report)),
        "curves": ("Training", sections.curves(report)),
        **{name: (section.title, section.html(report, section.value)) for name, section in report.sections.items()},
        "fairness": ("Who is harmed", fairness.section(report.fairness) if report.fairness else ""),
        "slices": ("Slices", sections.slices(report)),
        "more-data": ("Learning curve", sections.learning_curve(report.learning_curve, report.focus_part)),
        "classes": (capital(plural(report.known.label_word)), sections.classes(report)),
        "data": ("Data", pairs(report.data, "The training data.")),
        "settings": ("Settings", pairs(report.settings, "The settings of the run.")),
        "versions": ("Versions", pairs(report.versions, "Library versions of the run.", names=str)),
    }
    # An empty section would promise something, in the contents as well.
    return {key: section for key, section in contents.items() if section[1]}


def _verdict(report: Report) -> str:
    verdict, part = report.verdict, report.parts[report.verdict_part]
    answer, colour = _answer(report)
    known, gap = report.known, verdict.difference
    value, ends = _score(report, part.metrics[known.main])
    digits = known.difference_digits(gap)
    figures = {
        f"{capital(known.title)} on {report.verdict_part}": (value, f"{ends}, {part.count:,} items"),
        "Against the best baseline": (
            f"{gap.value:+.{digits}f}{known.unit}",
            f"{gap.low:+.{digits}f} to {gap.high:+.{digits}f}",
        ),
        "Best baseline": (escape(verdict.baseline), ", ".join(_score(report, _of_baseline(report)))),
        "Problems found": _problems(report),
    }
    boxes = "".join(
        f"<div><dt>{name}</dt><dd{_kind(big)}>{big} <small>{small}</small></dd></div>"
        for name, (big, small) in figures.items()
    )
    # A strong pretrained network can make every model look useless beside it, so the verdict without it stands here,
    # too.
    without = report.verdict_without_pretrained
    plain = f"<p>{escape(without.sentence)}</p>" if without else ""
    plain += f"<p><strong>{escape(report.suspected_leak)}</strong></p>" if report.suspected_leak else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    return (
        f'<div class="verdict {colour}"><p class="answer">{answer}</p>'
        f"<p>{escape(verdict.sentence)}</p>{plain}</div>"
        f'<dl class="figures">{boxes}</dl>' + (f'<ul class="remarks">{notes}</ul>' if notes else "")
    )


def _answer(report: Report) -> tuple[str, str]:
    """The box's first line, and the kind of verdict whose colour it has."""
    kind, plain = report.verdict.kind, report.verdict_without_pretrained
    # What was learned here may be real, although the network that it starts from knows as much.
    if kind == "indistinguishable" and plain is not None and plain.kind == "better":
        return ONLY_WITHOUT, plain.kind
    return ANSWERS[kind], kind


def _kind(text: str) -> str:
    return ' class="words"' if len(text) > 14 else ""


def _of_baseline(report: Report) -> Estimate:
    """The best baseline's main metric."""
    best = next(row for row in report.baselines if row.name == report.verdict.baseline)
    return best.metrics[report.verdict_part][report.metric]


def _score(report: Report, score: Estimate) -> tuple[str, str]:
    """The main metric and its interval, for a reader: shares as per cent."""
    if score.reason:
        value = percent(score.value) if report.known.is_share else f"{score.value:.{report.known.digits(score)}f}"
        return value, f"no interval: {score.reason}"
    if report.known.is_share:
        return percent(score.value), f"{percent(score.low)} to {percent(score.high)}"
    digits = report.known.digits(score)
    return f"{score.value:.{digits}f}", f"{score.low:.{digits}f} to {score.high:.{digits}f}"


def _problems(report: Report) -> tuple[str, str]:
    counts = Counter(finding.severity for finding in report.findings)
    forms = {"serious": "serious", "warning": "warnings", "note": "notes"}
    words = [f"{counts[one]} {one if counts[one] == 1 else many}" for one, many in forms.items() if counts[one]]
    # Notes are worth knowing and need nobody to act.
    wrong = counts["serious"] + counts["warning"]
    return (str(wrong) if wrong else "none", ", ".join(words) or "no problems found")
