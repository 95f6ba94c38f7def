"""The audit as one HTML page that loads nothing, in the report's style."""

from __future__ import annotations

from collections import Counter
from html import escape

from headway.audit.audit import SUBJECTS, Audit
from headway.audit.build import rows_shown
from headway.judge.diagnosis.finding import WHY, Finding, counted
from headway.judge.intervals import INTERVAL
from headway.judge.report.page import sections
from headway.judge.report.page.document import document
from headway.judge.report.page.marks import pairs, picture_of, player

__all__ = ["render"]

_QUESTIONS = {
    "Leaks": "Copies, groups and names that give the answer away.",
    "Shortcuts": "Whether what should not matter gives the answer away.",
    "Labels": "Wrong labels, and classes that cannot be learned.",
    "Items": "Items that cannot be read, show nothing, or hold what they should not.",
    "Enough": "How sure a verdict on these data can be.",
}
_ANSWERS = {
    "serious": ("Do not train on these data yet", "worse"),
    "warning": ("Look at the warnings before you train", "indistinguishable"),
    "": ("No problems found", "better"),
}


def render(audit: Audit) -> str:
    """A whole HTML document in UTF-8."""
    contents = {"summary": ("Summary", _summary(audit))}
    contents |= {name.lower(): (name, _subject(audit, name)) for name in SUBJECTS}
    contents["data"] = ("Data", pairs(_data(audit), "The data set."))
    contents["checks"] = (
        "Checks",
        pairs({n: f"{s:.1f} s" for n, s in audit.seconds.items()}, "How long each check took."),
    )
    name = escape(audit.name) or "Data"
    return document(
        title=f"{name}: {_answer(audit)[0]}",
        eyebrow="Headway audit",
        heading=f"{name}: are the data right?",
        top=_top(audit),
        sections=contents,
        footer=f"Every interval is a {INTERVAL} unless said otherwise. The same numbers are in audit.json.",
    )


def _answer(audit: Audit) -> tuple[str, str]:
    severities = {finding.severity for finding in audit.findings}
    return _ANSWERS[next((one for one in ("serious", "warning") if one in severities), "")]


def _top(audit: Audit) -> str:
    answer, colour = _answer(audit)
    first = next((finding for finding in audit.findings if finding.severity != "note"), None)
    said = (
        escape(first.sentence) if first else "Every check found the data as they should be, or something worth a note."
    )
    counts = Counter(finding.severity for finding in audit.findings)
    parts = ", ".join(f"{count:,} {part}" for part, count in audit.data["parts"].items())
    figures = {
        "Items": (f"{audit.data['items']:,}", parts),
        "Serious": (str(counts["serious"]), "must be solved"),
        "Warnings": (str(counts["warning"]), "worth doing something about"),
        "Notes": (str(counts["note"]), "worth knowing"),
    }
    boxes = "".join(
        f"<div><dt>{name}</dt><dd>{big} <small>{small}</small></dd></div>" for name, (big, small) in figures.items()
    )
    return (
        f'<div class="verdict {colour}"><p class="answer">{answer}</p><p>{said}</p></div>'
        f'<dl class="figures">{boxes}</dl>'
    )


def _data(audit: Audit) -> dict[str, object]:
    """What the data are, without what fields have learned, which can be a whole vocabulary."""
    fields = {name: audit.data[name].get("kind") for name in ("input", "target")}
    return {name: value for name, value in audit.data.items() if name not in fields} | fields


def _summary(audit: Audit) -> str:
    rows = []
    for name in SUBJECTS:
        words = counted(audit.of(name)) or "no problems found"
        rows.append(f'<li><a href="#{name.lower()}">{name}</a>: {words}</li>')
    notes = "".join(f"<li>{escape(note)}</li>" for note in audit.notes)
    return f'<ul class="remarks">{"".join(rows)}</ul><ul class="remarks soft">{notes}</ul>'


def _subject(audit: Audit, name: str) -> str:
    findings = "".join(_finding(audit, finding) for finding in audit.of(name)) or "<p>No problems found.</p>"
    curve = sections.learning_curve(audit.learning_curve, "valid") if name == "Enough" else ""
    return f'<p class="soft">{_QUESTIONS[name]}</p>{findings}{curve}'


def _finding(audit: Audit, finding: Finding) -> str:
    cards = "".join(_card(audit, finding, row) for row in rows_shown(finding) if row in audit.pictures)
    more = f'<div class="cards">{cards}</div>' if cards else ""
    return sections.article(finding, why=WHY.get(finding.kind, ""), more=more)


def _card(audit: Audit, finding: Finding, row: int) -> str:
    picture = audit.pictures[row]
    rows, suggested = finding.evidence.get("rows", []), finding.evidence.get("suggested", [])
    looks = f", looks like {suggested[rows.index(row)]}" if suggested and row in rows else ""
    sound = player(picture.sound, f"row {row}") if picture.sound else ""
    label = f" \N{MIDDLE DOT} {audit.labels[row]}" if row in audit.labels else ""
    caption = escape(f"row {row}{label}{looks}")
    return f"<figure>{picture_of(picture, caption)}{sound}<figcaption>{caption}</figcaption></figure>"
