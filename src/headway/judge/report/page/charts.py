"""The page's charts, drawn as SVG: curves over epochs, intervals, reliability, the learning curve."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from headway.judge.intervals import Estimate

__all__ = [
    "Frame",
    "Point",
    "axes",
    "curve",
    "figure",
    "ideal",
    "interval",
    "line_chart",
    "points",
    "reliability",
    "scale_of",
    "ticks",
]

# In pixels: two charts side by side on a laptop, one on a phone.
WIDTH, HEIGHT = 440, 250
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 12, 38


@dataclass(frozen=True)
class Point:
    """A place in a chart, with its interval where it has one, and the `tip` that it says when pointed at."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    tip: str = ""
    radius: float = 3.5  # in pixels


@dataclass(frozen=True)
class Frame:
    """Where a chart's values go on the page, in pixels."""

    left: float
    right: float
    low: float
    high: float
    log: bool = False

    def x(self, value: float) -> float:
        """From a value to the place along."""
        a, b, v = (math.log(number) if self.log else number for number in (self.left, self.right, value))
        return LEFT + (WIDTH - LEFT - RIGHT) * ((v - a) / (b - a) if b > a else 0.5)

    def y(self, value: float) -> float:
        """From a value to the place down."""
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)


def figure(title: str, told: str, body: str, *, keys: Sequence[tuple[str, str]] = ()) -> str:
    """A chart: title, legend (class and name of each line), the SVG's content, and what it shows in words.

    `told` is for those who cannot see it.
    """
    legend = "".join(
        f'<span class="key {kind}"><span aria-hidden="true">{_sample(kind)}</span> {escape(name)}</span>'
        for kind, name in keys
    )
    return (
        f"<figure><figcaption>{escape(title)}{legend}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape(f"{title}: {told}")}">{body}</svg></figure>'
    )


def _sample(kind: str) -> str:
    """What a line looks like, beside its name."""
    if kind.endswith("dots"):
        return "&#9679;" if kind.startswith("two") else "&#9675;"
    return "- -" if kind == "two" else "&#9679;&#8212;"


def line_chart(title: str, lines: Mapping[str, Sequence[float | None]], steps: Sequence[str]) -> str:
    """Values over epochs, by name: gaps where one is None or NaN; each point says its value when pointed at."""
    clean = {name: [_finite(value) for value in line] for name, line in lines.items()}
    known = [value for line in clean.values() for value in line if value is not None]
    if not known:
        return ""
    # A flat line has no height of its own, and a line at 0 has none to take a share of.
    pad = (max(known) - min(known)) * 0.07 or abs(max(known)) * 0.05 or 1.0
    frame = Frame(0, max(len(steps) - 1, 1e-9) if len(steps) > 1 else 0, min(known) - pad, max(known) + pad)
    kinds = ["two", "one"] if len(clean) > 1 else ["one"]
    drawn = "".join(_line(frame, kind, item, steps) for kind, item in zip(kinds, clean.items(), strict=True))
    marks = [(step, steps[step]) for step in _few(len(steps))]
    ends = {name: next((value for value in reversed(line) if value is not None), None) for name, line in clean.items()}
    told = "; ".join(f"{name} ends at {end:.4g}" for name, end in ends.items() if end is not None)
    keys = list(zip(kinds, clean, strict=True)) if len(clean) > 1 else []
    return figure(title, told, axes(frame, x_marks=marks, x_title="epoch") + drawn, keys=keys)


def axes(frame: Frame, *, x_marks: Sequence[tuple[float, str]] = (), x_title: str = "") -> str:
    """Grid lines, their numbers, and what is along."""
    marks = []
    for tick in ticks(frame.low, frame.high):
        y = frame.y(tick)
        marks.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        marks.append(f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for value, name in x_marks:
        x = frame.x(value)
        # The last number would stick out to the right.
        anchor = "end" if x > WIDTH - RIGHT - 20 else "middle"
        marks.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="{anchor}">{escape(name)}</text>')
    if x_title:
        marks.append(
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_title)}</text>'
        )
    return "".join(marks)


def points(frame: Frame, kind: str, dots: Sequence[Point], *, joined: bool = True, hollow: bool = False) -> str:
    """Dots with their intervals, and the line through them."""
    marks = []
    if joined and len(dots) > 1:
        marks.append(polyline(frame, kind, [(dot.x, dot.y) for dot in dots]))
    for dot in dots:
        x, y = frame.x(dot.x), frame.y(dot.y)
        if dot.low is not None and dot.high is not None and not math.isnan(dot.low):
            # Cut off at the frame: an interval of few items would cross the title.
            low, high = (frame.y(min(max(end, frame.low), frame.high)) for end in (dot.low, dot.high))
            marks.append(f'<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>')
        tip = f"<title>{escape(dot.tip)}</title>" if dot.tip else ""
        style = "hollow" if hollow else "dot"
        marks.append(f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="{dot.radius:.1f}">{tip}</circle>')
    return f'<g class="{kind}">{"".join(marks)}</g>'


def polyline(frame: Frame, kind: str, corners: Sequence[tuple[float, float]]) -> str:
    """A line through places."""
    drawn = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in corners)
    return f'<polyline class="line {kind}" points="{drawn}"/>'


def ideal(frame: Frame, corners: Sequence[tuple[float, float]]) -> str:
    """A dotted line: where points would lie if the model made no mistakes; cut off at the frame."""
    drawn = " ".join(f"{frame.x(x):.1f},{frame.y(min(max(y, frame.low), frame.high)):.1f}" for x, y in corners)
    return f'<polyline class="ideal" fill="none" points="{drawn}"/>'


def curve(frame: Frame, kind: str, corners: Sequence[tuple[float, float]]) -> str:
    """A dashed line: what is expected rather than seen."""
    return f'<g class="{kind}">{polyline(frame, "dashed", corners)}</g>'


def scale_of(scores: Iterable[Estimate]) -> tuple[float, float]:
    """The ends of a scale on which several estimates have room."""
    ends = [end for score in scores for end in (score.value, score.low, score.high) if math.isfinite(end)]
    return min(ends, default=0.0), max(ends, default=1.0)


def interval(score: Estimate, low: float, high: float, *, width: int = 150) -> str:
    """A small picture of an estimate on a scale, for a table's cell; the numbers stand beside it."""
    if math.isnan(score.value) or score.reason:
        return ""
    # All equal: any scale will do.
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return 6 + (width - 12) * (min(max(value, low), high) - low) / span

    left, dot, right = (place(end) for end in (score.low, score.value, score.high))
    return (
        f'<svg class="interval" viewBox="0 0 {width} 16" width="{width}" height="16" aria-hidden="true">'
        f'<line class="grid" x1="6" x2="{width - 6}" y1="8" y2="8"/>'
        f'<line class="whisker" x1="{left:.1f}" x2="{right:.1f}" y1="8" y2="8" stroke-width="2"/>'
        f'<circle class="dot" cx="{dot:.1f}" cy="8" r="4"/></svg>'
    )


def reliability(title: str, before: Sequence[Point], after: Sequence[Point], told: str) -> str:
    """How often the model is right against how sure it is, before and after a correction; right on the diagonal."""
    sure = _tenth(min(dot.x for dot in (*before, *after)) - 0.02)
    right = min(sure, _tenth(min(dot.y for dot in (*before, *after))))
    frame = Frame(sure, 1.0, right, 1.0)
    marks = [(tick, f"{tick:g}") for tick in ticks(sure, 1.0)]
    body = axes(frame, x_marks=marks, x_title="predicted probability")
    body += ideal(frame, [(sure, sure), (1.0, 1.0)])
    body += points(frame, "two", before, joined=False) + points(frame, "one", after, joined=False, hollow=True)
    return figure(title, told, body, keys=[("two dots", "as it is"), ("one dots", "corrected")] if after else [])


def _tenth(value: float) -> float:
    """A share down to the next tenth below it, at most 0.9."""
    return max(0.0, min(math.floor(10 * value) / 10, 0.9))


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between two ends, three to six of them."""
    rough = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    # The least of the round steps that leaves at most six numbers.
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)
    return [round(k * step, 12) for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _line(frame: Frame, kind: str, named: tuple[str, Sequence[float | None]], steps: Sequence[str]) -> str:
    name, line = named
    # A gap where a value is missing: a line through it would claim one.
    runs: list[list[Point]] = [[]]
    for step, value in enumerate(line):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(Point(step, value, tip=f"{name}, {steps[step]}: {value:.4g}"))
    return "".join(points(frame, kind, run) for run in runs if run)


def _few(count: int) -> list[int]:
    """Places to be named along: the first, the last, and at most three between them."""
    return sorted({round(k * (count - 1) / 4) for k in range(5)})


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
