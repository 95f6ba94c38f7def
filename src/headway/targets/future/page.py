"""Forecasts beside what came, and how often the intervals held it; in numbers and drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from headway.as_json import AsJson
from headway.inputs.past.windows import ORIGIN, SERIES
from headway.judge.intervals import Estimate
from headway.judge.report.far_items import far_items
from headway.judge.report.inputs import ReportInputs
from headway.judge.report.page.charts import Frame, Point, axes, figure, points
from headway.judge.report.page.marks import table
from headway.judge.report.report import Report, Section
from headway.targets.future.metrics import COVERAGE, METRICS, SHARE, is_inside, scaled_errors, shown

if TYPE_CHECKING:
    from headway.predictions import Predictions

__all__ = ["Backtest", "Forecast", "sections"]

# Of the past so many horizons are drawn, and so many values at most.
_SHOWN_HORIZONS, _SHOWN_VALUES = 3, 60
# Rows of the table by how far ahead a forecast is.
_STEPS = 12
_TITLE = "Backtest: forecasts beside what came"


@dataclass(frozen=True, kw_only=True)
class Step(AsJson):
    """How good forecasts are so many steps ahead: the error of the median, and the share of values in the interval."""

    ahead: int
    mase: float
    coverage: float


@dataclass(frozen=True, kw_only=True)
class Forecast(AsJson):
    """One forecast, drawn: the past, what came, and what was forecast, with its interval."""

    row: int
    name: str
    mase: float
    past: tuple[float, ...]
    truth: tuple[float, ...]
    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Backtest(AsJson):
    """Forecasts of the part whose items are shown.

    Attributes:
        count: Forecasts, from as many moments.
        coverage: Share of values in their intervals.
        steps: By how far ahead.
        forecasts: The one with the middle error, and the one with the largest.
    """

    count: int
    coverage: Estimate
    sentence: str
    steps: list[Step] = field(default_factory=list)
    forecasts: list[Forecast] = field(default_factory=list)


def sections(inputs: ReportInputs) -> dict[str, Section]:
    """The backtest, and the forecasts that are farthest off."""
    seen = inputs.seen
    backtest = judge_backtest(seen, groups=inputs.clusters.get(inputs.focus))
    return {"backtest": Section(_TITLE, backtest, _html), "far_items": far_items(inputs)}


def judge_backtest(seen: Predictions, *, groups: np.ndarray | None = None) -> Backtest:
    """Coverage, errors by how far ahead, and two forecasts to look at."""
    answers, targets = METRICS.check(seen.predictions, seen.targets)
    inside, errors = is_inside(answers, targets), scaled_errors(answers, targets)
    coverage = COVERAGE.estimate(answers, targets, groups=groups)
    horizon = errors.shape[1]
    steps = [
        Step(ahead=step + 1, mase=float(errors[:, step].mean()), coverage=float(inside[:, step].mean()))
        for step in sorted({round(step) for step in np.linspace(0, horizon - 1, min(horizon, _STEPS))})
    ]
    order = np.argsort(errors.mean(axis=1), kind="stable")
    chosen = dict.fromkeys([int(order[len(order) // 2]), int(order[-1])])
    forecasts = [_forecast(seen, index, float(errors[index].mean())) for index in chosen] if _has_past(seen) else []
    return Backtest(count=len(seen), coverage=coverage, sentence=_sentence(coverage), steps=steps, forecasts=forecasts)


def _sentence(coverage: Estimate) -> str:
    said = f"{coverage.value:.0%} of the values lie in their {SHARE:.0%} intervals"
    if coverage.reason:
        return f"{said} ({coverage.reason})."
    said += f" [{coverage.low:.0%}, {coverage.high:.0%}]"
    if coverage.low <= SHARE <= coverage.high:
        return f"{said}: as many as they should."
    return f"{said}: the intervals are too {'wide' if coverage.value > SHARE else 'narrow'}."


def _has_past(seen: Predictions) -> bool:
    return seen.items is not None and {ORIGIN, SERIES} <= set(seen.items.columns)


def _forecast(seen: Predictions, index: int, mase: float) -> Forecast:
    assert seen.items is not None
    middle, low, high = (tuple(part.tolist()) for part in np.split(seen.predictions[index].astype(float), 3))
    row = seen.items.row(index, named=True)
    most = min(_SHOWN_HORIZONS * len(middle), _SHOWN_VALUES)
    # The past is the one column that holds lists and is not of what came.
    past = next(value for name, value in row.items() if isinstance(value, list) and name != "next values")
    return Forecast(
        row=int(seen.rows[index]),
        name=f"{row[SERIES]} from {_date(row[ORIGIN])}".strip(),
        mase=mase,
        past=tuple(np.nan if value is None else value for value in past[-most:]),
        truth=tuple(seen.targets[index, :-1].astype(float).tolist()),
        median=middle,
        low=low,
        high=high,
    )


def _date(time: object) -> str:
    return str(time).removesuffix(" 00:00:00")


def _html(report: Report, backtest: Backtest) -> str:
    charts = "".join(map(_chart, backtest.forecasts))
    rows = [
        f'<tr><th scope="row">{step.ahead}</th><td>{step.mase:.3g}</td><td>{step.coverage:.0%}</td></tr>'
        for step in backtest.steps
    ]
    caption = f"{backtest.count:,} forecasts on {report.focus_part}, by how many steps ahead a value lies."
    lead = f"<p>{escape(backtest.sentence)}</p>"
    return f'{lead}<div class="charts">{charts}</div>{table(caption, ["<Ahead", "MASE", "In the interval"], rows)}'


def _chart(forecast: Forecast) -> str:
    drawn = [value for value in (*forecast.past, *forecast.truth, *forecast.low, *forecast.high) if value == value]
    pad = 0.05 * (max(drawn) - min(drawn)) or 1.0
    start, steps = len(forecast.past), range(len(forecast.median))
    frame = Frame(-start, len(forecast.median), min(drawn) - pad, max(drawn) + pad)
    known = [*forecast.past, *forecast.truth]
    truth = [
        Point(at - start + 1, value, tip=shown(value), radius=1.5) for at, value in enumerate(known) if value == value
    ]
    guesses = [
        Point(
            step + 1,
            forecast.median[step],
            low=forecast.low[step],
            high=forecast.high[step],
            tip=f"forecast {shown(forecast.median[step])} [{shown(forecast.low[step])}, {shown(forecast.high[step])}], "
            f"came {shown(forecast.truth[step])}",
            radius=3,
        )
        for step in steps
    ]
    marks = [(at, f"{at:+d}" if at else "0") for at in sorted({-start, -start // 2, 0, len(forecast.median)})]
    body = axes(frame, x_marks=marks, x_title="steps from the last known value")
    body += points(frame, "two", truth) + points(frame, "one", guesses)
    inside = sum(
        low <= value <= high for low, value, high in zip(forecast.low, forecast.truth, forecast.high, strict=True)
    )
    described = f"{len(forecast.median)} values forecast, {inside} of them in the interval; MASE {forecast.mase:.3g}"
    title = f"{forecast.name}, MASE {forecast.mase:.3g}"
    return figure(title, described, body, keys=[("two", "known, and what came"), ("one", f"forecast, {SHARE:.0%}")])
