"""The report as one HTML page that loads nothing: no script, no font, no picture from elsewhere.

Pictures are SVG drawn here. Everything that comes from data (labels, names, notes) is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.judge.intervals import Estimate
from headway.judge.metrics import CLASSIFICATION

if TYPE_CHECKING:
    from headway.judge.report import PartScores, Report

__all__ = ["render"]

_MAX_CLASSES = 30
_TITLES = {"auroc": "AUROC", "macro_f1": "macro F1"}
_ANSWERS = {"better": "Yes", "indistinguishable": "These data cannot tell", "worse": "No"}

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2430; --soft: #5b6676; --line: #d9dee6; --wash: #f4f6f9;
  --one: #1f63c6; --two: #b4510b; --good: #11713f; --bad: #b3261e; --even: #7a5b00; --heat: 31, 99, 198; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161c; --ink: #e6eaf0; --soft: #9aa6b6; --line: #313a47;
  --wash: #1a2029; --one: #7fb0ff; --two: #ffab6b; --good: #62d394; --bad: #ff8f86; --even: #e5c363;
  --heat: 90, 150, 255; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; margin: 1rem 0 0; }
a { color: var(--one); }
a:focus-visible, .scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--one); outline-offset: 2px; }
.verdict { border-left: .4rem solid var(--mark); background: var(--wash); padding: .9rem 1.1rem; margin: 0; }
.verdict b { display: block; color: var(--mark); font-size: 1.25rem; }
.better { --mark: var(--good); } .worse { --mark: var(--bad); } .indistinguishable { --mark: var(--even); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; min-width: 60%; }
caption { text-align: left; color: var(--soft); font-size: .88rem; padding-bottom: .35rem; }
caption span { display: block; position: sticky; left: 0; max-width: min(100%, calc(100vw - 2rem)); }
th, td { padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { font-weight: 600; } tbody th { font-weight: 400; }
th:first-child, td.text { text-align: left; }
td.text { white-space: normal; overflow-wrap: anywhere; }
tr.model > * { font-weight: 700; background: var(--wash); }
.baselines :is(th, td):nth-child(3) { text-align: left; }
small, .soft { color: var(--soft); font-size: .85rem; font-weight: 400; }
.confusion { min-width: 0; font-size: .82rem; }
.confusion td, .confusion thead th { text-align: center; padding: .25rem .4rem; min-width: 2.1rem; }
.confusion td { background: rgba(var(--heat), var(--share, 0)); border: 1px solid var(--line); }
.confusion td.hit { box-shadow: inset 0 0 0 2px var(--good); }
.confusion thead td { border: 0; }
.confusion tbody th { padding-right: .6rem; max-width: 12rem; overflow: hidden; text-overflow: ellipsis; }
.confusion thead th { writing-mode: vertical-rl; text-align: right; max-height: 10rem; font-weight: 400;
  vertical-align: bottom; overflow: hidden; text-overflow: ellipsis; }
.confusion thead th:first-child { writing-mode: horizontal-tb; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { font-size: .9rem; } svg { max-width: 100%; height: auto; }
td svg { max-width: none; vertical-align: middle; }
svg text { fill: var(--soft); font-size: 11px; }
.one { stroke: var(--one); fill: var(--one); } .two { stroke: var(--two); fill: var(--two); }
.key.one { color: var(--one); } .key.two { color: var(--two); }
svg polyline.one, svg polyline.two { stroke-width: 2; fill: none; } polyline.two { stroke-dasharray: 5 3; }
.grid { stroke: var(--line); } .whisker { stroke: var(--soft); stroke-width: 2; } .dot { fill: var(--ink); }
.model .whisker { stroke: var(--one); } .model .dot { fill: var(--one); }
@media (max-width: 40rem) { td small, th small { display: block; }
  .baselines :is(th, td):nth-child(3) { display: none; }
  th, td { white-space: normal; } td small { white-space: nowrap; } }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --wash: #f4f4f4;
  --one: #1f63c6; --two: #b4510b; --good: #11713f; --bad: #b3261e; --even: #7a5b00; --heat: 31, 99, 198; }
  nav { display: none; } tr, figure, .verdict { break-inside: avoid; } h2, h3 { break-after: avoid; }
  body { max-width: none; padding: 0; font-size: 12px; } .scroll { overflow: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def render(report: Report) -> str:
    """The page, as text.

    Args:
        report: What `build_report` made.

    Returns:
        A whole HTML document in UTF-8, with the verdict first.
    """
    sections = {
        "Baselines": _baselines(report),
        "Metrics": _metrics(report),
        "Curves": _curves(report.history),
        "Classes": "".join(_classes(name, part) for name, part in report.parts.items()),
        "Confusion": "".join(_confusion(name, part, report.labels) for name, part in report.parts.items()),
        "Data": _pairs(report.data, "What the model learned from"),
        "Settings": _pairs(report.settings, "What it takes to repeat the run"),
    }
    shown = {title: body for title, body in sections.items() if body}
    links = "".join(f'<li><a href="#{title.lower()}">{title}</a></li>' for title in shown)
    body = "".join(
        f'<section aria-labelledby="{title.lower()}"><h2 id="{title.lower()}">{title}</h2>{text}</section>\n'
        for title, text in shown.items()
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    found = report.verdict
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>Is the model better than something simple? {_ANSWERS[found.kind]}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>Is the model better than something simple?</h1>
<p class="verdict {found.kind}"><b>{_ANSWERS[found.kind]}</b> {escape(found.sentence)}</p>
{f"<ul>{notes}</ul>" if notes else ""}
<nav aria-label="Sections"><ul>{links}</ul></nav>
</header>
<main>
{body}</main>
</body>
</html>
"""


def _baselines(report: Report) -> str:
    part = report.verdict_part
    model = report.parts[part].metrics
    scores = [row.metrics[part]["accuracy"] for row in report.baselines] + [model["accuracy"]]
    low, high = min(each.low for each in scores), max(each.high for each in scores)
    rows = []
    for row in report.baselines:
        score = row.metrics[part]
        rows.append(
            f'<tr><th scope="row">{escape(row.name)}</th>{_number(score["accuracy"])}'
            f"<td>{_whisker(score['accuracy'], low, high)}</td>"
            f"{_number(row.difference, digits=1)}<td>{_p(row.p)}</td><td>{row.seconds:.1f}</td></tr>"
        )
    rows.append(
        f'<tr class="model"><th scope="row">this model</th>{_number(model["accuracy"])}'
        f"<td>{_whisker(model['accuracy'], low, high)}</td>"
        f"<td>\N{EN DASH}</td><td>\N{EN DASH}</td><td>{report.seconds:.1f}</td></tr>"
    )
    return _table(
        f"On {part}, {report.parts[part].count:,} items, with 95 % intervals. "
        "Difference: the model's accuracy less the baseline's, in points.",
        ["Model", "Accuracy", "Interval", "Difference", "McNemar p", "Seconds"],
        rows,
        kind="baselines",
    )


def _metrics(report: Report) -> str:
    rows = []
    for name in next(iter(report.parts.values())).metrics:
        better = "higher" if CLASSIFICATION[name].higher_is_better else "lower"
        title = _TITLES.get(name, name.replace("_", " "))
        cells = "".join(_number(part.metrics[name]) for part in report.parts.values())
        rows.append(f'<tr><th scope="row">{escape(title)} <small>{better} is better</small></th>{cells}</tr>')
    heads = [f"{part} ({scores.count:,} items)" for part, scores in report.parts.items()]
    return _table("Each with its 95 % interval.", ["Metric", *heads], rows)


def _classes(name: str, part: PartScores) -> str:
    rows = [
        f'<tr><th scope="row">{escape(each.label)}</th><td>{each.count:,}</td>'
        f"{_number(each.precision)}{_number(each.recall)}{_number(each.f1)}</tr>"
        for each in part.per_class
    ]
    table = _table(
        f"On {name}, with 95 % intervals. Precision: of the items given this class, the share that are of it. "
        "Recall: of the items of this class, the share that were given it.",
        ["Class", "Items", "Precision", "Recall", "F1"],
        rows,
    )
    if len(rows) <= _MAX_CLASSES:
        return f"<h3>{escape(name)}</h3>{table}"
    return f"<h3>{escape(name)}</h3><details><summary>{len(rows)} classes</summary>{table}</details>"


def _confusion(name: str, part: PartScores, labels: Sequence[str]) -> str:
    """A real table rather than a picture, so that it can be read aloud, searched and copied."""
    counts = part.confusion
    shown, remark = list(range(len(counts))), ""
    if len(counts) > _MAX_CLASSES:
        mistakes = counts.sum(0) + counts.sum(1) - 2 * counts.diagonal()
        shown = sorted(np.argsort(-mistakes, kind="stable")[:_MAX_CLASSES].tolist())
        remark = f" Only the {_MAX_CLASSES} classes with the most mistakes of {len(counts)}."
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    rows = []
    for actual in shown:
        cells = "".join(
            f'<td{" class=hit" if actual == given else ""} style="--share:{0.75 * shares[actual, given]:.2f}" '
            f'title="{escape(labels[actual])} given {escape(labels[given])}">{counts[actual, given] or ""}</td>'
            for given in shown
        )
        rows.append(f'<tr><th scope="row">{escape(labels[actual])}</th>{cells}</tr>')
    caption = (
        f"On {name}: items of each class (row) by the class they were given (column). Stronger colour: more of the row."
    )
    heads = ["", *(labels[given] for given in shown)]
    return f"<h3>{escape(name)}</h3>{_table(caption + remark, heads, rows, kind='confusion')}"


def _curves(history: Sequence[Mapping[str, Any]]) -> str:
    if not history:
        return ""
    steps = [f"stage {row.get('stage', '')}, epoch {row.get('epoch', '')}" for row in history]

    def line(name: str) -> list[float | None]:
        return [_finite(row.get(name)) for row in history]

    figures = [
        _figure("Loss by epoch", {"training": line("train_loss"), "validation": line("valid_loss")}, steps),
        _figure("Accuracy on validation by epoch", {"validation": line("accuracy")}, steps),
    ]
    return f'<div class="curves">{"".join(figures)}</div>'


def _figure(title: str, lines: dict[str, list[float | None]], steps: Sequence[str]) -> str:
    """One line chart; gaps where a value is lacking, and each point says its value when pointed at."""
    known = [value for line in lines.values() for value in line if value is not None]
    if not known:
        return ""
    pad = (max(known) - min(known)) * 0.05 or abs(max(known)) * 0.05 or 1.0
    frame = _Frame(min(known) - pad, max(known) + pad, len(steps))
    kinds = ["two", "one"] if len(lines) > 1 else ["one"]
    drawn = "".join(_line(frame, kind, each, steps) for kind, each in zip(kinds, lines.items(), strict=True))
    ends = {name: next((each for each in reversed(line) if each is not None), None) for name, line in lines.items()}
    told = "; ".join(f"{name} ends at {end:.4g}" for name, end in ends.items() if end is not None)
    legend = ", ".join(
        f'<span class="key {kind}">{"- -" if kind == "two" else "—"}</span> {name}'
        for kind, name in zip(kinds, lines, strict=True)
    )
    return (
        f"<figure><figcaption>{title}: {legend}</figcaption>"
        f'<svg viewBox="0 0 400 214" width="400" height="214" role="img" aria-label="{escape(f"{title}: {told}")}">'
        f"{_axes(frame)}{drawn}</svg></figure>"
    )


@dataclass(frozen=True)
class _Frame:
    """Where a chart's values go on the page, in pixels."""

    low: float
    high: float
    count: int

    def x(self, step: int) -> float:
        return 48 + 340 * (step / (self.count - 1) if self.count > 1 else 0.5)

    def y(self, value: float) -> float:
        return 12 + 176 * (self.high - value) / (self.high - self.low)


def _axes(frame: _Frame) -> str:
    marks = []
    for tick in _ticks(frame.low, frame.high):
        y = frame.y(tick)
        marks.append(f'<line class="grid" x1="44" x2="392" y1="{y:.1f}" y2="{y:.1f}"/>')
        marks.append(f'<text x="40" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for step in sorted({0, frame.count // 2, frame.count - 1}):
        marks.append(f'<text x="{frame.x(step):.1f}" y="206" text-anchor="middle">{step + 1}</text>')
    return "".join(marks)


def _line(frame: _Frame, kind: str, named: tuple[str, list[float | None]], steps: Sequence[str]) -> str:
    name, line = named
    marks = []
    for run in _runs(line):
        points = " ".join(f"{frame.x(step):.1f},{frame.y(value):.1f}" for step, value in run)
        marks.append(f'<polyline class="{kind}" points="{points}"/>')
        for step, value in run:
            tip = f"<title>{escape(name)}, {escape(steps[step])}: {value:.4g}</title>"
            marks.append(
                f'<circle class="{kind}" cx="{frame.x(step):.1f}" cy="{frame.y(value):.1f}" r="3">{tip}</circle>'
            )
    return "".join(marks)


def _runs(line: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The stretches of a line between its gaps, as (step, value)."""
    runs: list[list[tuple[int, float]]] = [[]]
    for step, value in enumerate(line):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((step, value))
    return [run for run in runs if run]


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between two ends, three to six of them."""
    rough = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(each * unit for each in (1, 2, 5, 10) if each * unit >= rough)
    return [round(k * step, 12) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _whisker(score: Estimate, low: float, high: float) -> str:
    span = (high - low) or 1.0
    left, dot, right = (6 + 148 * (each - low) / span for each in (score.low, score.value, score.high))
    return (
        '<svg viewBox="0 0 160 16" width="160" height="16" aria-hidden="true">'
        f'<line class="whisker" x1="{left:.1f}" x2="{right:.1f}" y1="8" y2="8"/>'
        f'<circle class="dot" cx="{dot:.1f}" cy="8" r="4"/></svg>'
    )


def _pairs(values: Mapping[str, Any], caption: str) -> str:
    rows = [
        f'<tr><th scope="row">{escape(str(name))}</th><td class="text">{escape(_shown(value))}</td></tr>'
        for name, value in values.items()
    ]
    return _table(caption, ["Name", "Value"], rows) if rows else ""


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_shown(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_shown(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(caption: str, heads: Iterable[str], rows: Iterable[str], *, kind: str = "") -> str:
    head = "".join(f'<th scope="col">{escape(each)}</th>' if each else "<td></td>" for each in heads)
    # Focusable, so that a wide table can be scrolled from the keyboard.
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(caption)}"><table class="{kind}">'
        f"<caption><span>{escape(caption)}</span></caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _number(score: Estimate, *, digits: int = 3) -> str:
    if math.isnan(score.value):
        return "<td>\N{EN DASH}</td>"
    return f"<td>{score.value:.{digits}f} <small>[{score.low:.{digits}f}, {score.high:.{digits}f}]</small></td>"


def _p(value: float) -> str:
    return "&lt; 0.001" if value < 0.001 else f"{value:.2g}"


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
