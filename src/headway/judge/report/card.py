"""The model card that goes into the bundle: facts alone, and blanks where only a person knows.

Source of the form: Mitchell et al. 2019, arXiv:1810.03993.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from headway.judge.diagnosis.finding import KINDS
from headway.judge.intervals import INTERVAL, Estimate
from headway.judge.report.page.marks import plural
from headway.judge.report.report import Report
from headway.judge.slices.compare import ENOUGH

__all__ = ["BLANK", "card"]

# What a person is to fill in.
BLANK = "____"

# After Mitchell et al. 2019, "Model cards for model reporting": what no program can know of a model.
_QUESTIONS = (
    "Author and contact",
    "Source of the data, consent and licence",
    "Groups that the data represent, and groups that are missing",
    "Harm that errors can cause, and to whom",
    "Maintainer, and date of the next evaluation",
)


def card(report: Report, *, intended_use: str = "", misuse: str = "", sheet: str = "") -> str:
    """A model card in Markdown: what the report knows, with intervals, and blanks for what only a person knows.

    `intended_use` and `misuse` are a person's words, and blank without them; a data `sheet` follows the card.
    """
    said = {"Intended use and users": intended_use, "Must not be used for": misuse}
    sections = {
        "What it is": _facts(report),
        "How good it is": _metrics(report),
        "Against simple models": _baselines(report),
        "Who is harmed": _fairness(report),
        "Slices": _slices(report),
        "What was found": _diagnosis(report),
        **{section.title: [section.card] for section in report.sections.values() if section.card},
        "What it is for": [f"- {question}: {_cell(text) or BLANK}" for question, text in said.items()],
        "What is not known": _unknown(report),
        "To be filled in by hand": [f"- {question}: {BLANK}" for question in _QUESTIONS],
    }
    lines = ["# Model card" + (f": {_cell(report.name)}" if report.name else "")]
    for title, body in sections.items():
        if body:
            lines += ["", f"## {title}", "", *body]
    return "\n".join(lines) + "\n" + (f"\n{sheet}" if sheet else "")


def _facts(report: Report) -> list[str]:
    data, settings = report.data, report.settings
    names = f", {len(report.labels)} {plural(report.known.label_word)}: " if report.labels else ""
    lines = [f"- Task: {report.task}{names}{', '.join(map(_cell, report.labels))}"]
    if settings.get("arch"):
        lines.append(f"- Architecture: {settings['arch']}; pretrained weights: {settings.get('pretrained') or 'none'}")
    if report.size is not None:
        lines.append(f"- Size: {report.size:,} parameters")
    if data:
        parts = ", ".join(f"{count:,} {name}" for name, count in data.get("parts", {}).items())
        lines.append(
            f"- Data: {data.get('items', 0):,} items ({parts}); {data.get('left_out', 0):,} left out; "
            f"split: {data.get('split') or 'not known'}"
        )
        if data.get("fingerprint"):
            lines.append(f"- Fingerprint of the data: {data['fingerprint']}")
    lines.append(f"- Verdict: {report.verdict.sentence}")
    if report.verdict_without_pretrained:
        lines.append(f"- {report.verdict_without_pretrained.sentence}")
    if report.suspected_leak:
        lines.append(f"- {report.suspected_leak}")
    if report.versions:
        shown = ", ".join(f"{name} {version}" for name, version in report.versions.items())
        lines.append(f"- Made with: {shown}")
    return lines


def _metrics(report: Report) -> list[str]:
    rows = [
        (name, metric, *_value(estimate))
        for name, part in report.parts.items()
        for metric, estimate in part.metrics.items()
    ]
    counts = ", ".join(f"{part.count:,} items of {name}" for name, part in report.parts.items())
    return [f"Measured on {counts}.", "", *_table(("part", "metric", "value", INTERVAL), rows)]


def _baselines(report: Report) -> list[str]:
    part, known = report.verdict_part, report.known
    rows = []
    for row in report.baselines:
        gap = row.difference
        rows.append(
            (row.name, *_value(row.metrics[part][known.main]), *_value(gap, digits=known.difference_digits(gap)))
        )
    difference = "difference in points" if known.is_share else "difference"
    heads = ("baseline", known.title, INTERVAL, difference, INTERVAL)
    better = "" if known.higher_is_better else "; lower is better"
    caption = f"On {part}; the difference is the model's {known.title} minus the baseline's{better}."
    return [caption, "", *_table(heads, rows)]


def _slices(report: Report) -> list[str]:
    lines = []
    if report.slices is not None:
        lines += [f"- {sentence}" for sentence in report.slices.sentences]
    if report.worst_slices is not None:
        lines += [f"- {sentence}" for sentence in report.worst_slices.sentences]
    if report.slices is None:
        # A blank and not silence: whoever fills the card should say why.
        lines.append(f"- No slices were evaluated: {BLANK}")
    else:
        known = report.known
        rows = [(slice.name, f"{slice.count:,}", *_value(slice.metrics[known.main])) for slice in report.slices.slices]
        lines += ["", *_table(("slice", "items", known.title, INTERVAL), rows)]
    return lines


def _fairness(report: Report) -> list[str]:
    if report.fairness is None:
        return [f"- No groups of people were compared: {BLANK}"]
    fairness = report.fairness
    opening = f"Measured on {fairness.count:,} items of {fairness.part}, by {', '.join(map(_cell, fairness.columns))}."
    whole = [remedy for remedy in fairness.remedies if remedy.kind in ("reweight", "drop") or remedy.strength == 1]
    told = [conflict.sentence for conflict in fairness.conflicts]
    told += [f"{source.name.capitalize()} bias: {line}" for source in fairness.sources for line in source.shown]
    told += [f"Remedy, by {remedy.column}: {remedy.sentence}" for remedy in whole]
    return [opening, "", *(f"- {_cell(line)}" for line in (*fairness.sentences, *fairness.notes, *told))]


def _unknown(report: Report) -> list[str]:
    """What no data show, and groups that are too small to judge."""
    if report.fairness is None:
        return ["- For whom the model is worse: no groups of people were compared."]
    small = [group.name for group in report.fairness.groups if group.count < ENOUGH]
    lines = [f"- {source.name.capitalize()} bias: {source.unknown}" for source in report.fairness.sources]
    return lines + ([f"- What the model does for: {_cell('; '.join(small))}"] if small else [])


def _diagnosis(report: Report) -> list[str]:
    if not report.findings:
        return ["No problems found."]
    return [
        f"- {finding.severity.capitalize()}: {KINDS[finding.kind]}. {finding.sentence}" for finding in report.findings
    ]


def _value(estimate: Estimate, digits: int = 4) -> tuple[str, str]:
    if math.isnan(estimate.value):
        return "not known", ""
    if estimate.reason:
        return f"{estimate.value:.{digits}f}", f"not shown: {estimate.reason}"
    ends = (f"{end:.{digits}f}" if math.isfinite(end) else "no bound" for end in (estimate.low, estimate.high))
    return f"{estimate.value:.{digits}f}", " to ".join(ends)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return lines + ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]


def _cell(text: str) -> str:
    """Text that stays in its cell and its line."""
    # A name may hold line breaks and bars, which would end the row or the cell.
    return " ".join(str(text).split()).replace("|", "\\|")
