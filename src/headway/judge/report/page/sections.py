"""The page's sections that every report has: diagnosis, baselines, metrics, classes, slices, curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from headway.judge.diagnosis.finding import KINDS, Finding
from headway.judge.intervals import INTERVAL
from headway.judge.report.page.charts import Frame, Point, axes, figure, interval, line_chart, points, scale_of
from headway.judge.report.page.marks import NOT_KNOWN, capital, details, number, p_value, plural, shown, table, title_of
from headway.judge.verdict import format_parameters

if TYPE_CHECKING:
    from headway.judge.learning_curve import LearningCurve
    from headway.judge.report.report import Report
    from headway.judge.slices.report import Slice

__all__ = ["article", "baselines", "classes", "curves", "diagnosis", "learning_curve", "metrics", "slices"]

# Of a table that is open at once; longer ones are folded.
MAX_CLASSES = 30


def diagnosis(report: Report) -> str:
    """What is wrong, the most severe first, each with what to try next."""
    if not report.findings:
        return "<p>No problems found.</p>"
    return "".join(article(finding) for finding in report.findings)


def article(finding: Finding, *, why: str = "", more: str = "") -> str:
    """A finding: what it is, `why` it matters, what to try, `more` as HTML, and its evidence, folded."""
    remedies = "".join(f"<li>{escape(capital(remedy))}</li>" for remedy in finding.remedies)
    tries = f'<p class="tries">What to try, in this order:</p><ol>{remedies}</ol>' if remedies else ""
    evidence = "".join(
        f'<tr><th scope="row">{escape(title_of(name))}</th><td class="text">{escape(_evidence(value))}</td></tr>'
        for name, value in finding.evidence.items()
    )
    if evidence:
        caption = f"Evidence for “{KINDS[finding.kind]}”."
        evidence = details("The evidence", table(caption, ["<Name", "<Value"], [evidence]))
    return (
        f'<article class="finding {finding.severity}"><h3><span class="tag">{finding.severity}</span>'
        f"{escape(capital(KINDS[finding.kind]))}</h3><p>{escape(finding.sentence)}{_soft(why)}</p>{tries}{_line(finding)}{more}"
        f"{evidence}</article>"
    )


def _line(finding: Finding) -> str:
    """What to run, in a terminal and in Python."""
    line = finding.line
    runs = {"In a terminal": line.command, "In Python": line.python} if line is not None else {}
    shown = "".join(f"<dt>{name}</dt><dd><code>{escape(text)}</code></dd>" for name, text in runs.items() if text)
    return f'<dl class="run">{shown}</dl>' if shown else ""


def _soft(why: str) -> str:
    return f' <span class="soft">{escape(why)}</span>' if why else ""


def _evidence(value: object) -> str:
    """A number of the evidence, an interval in the usual form."""
    if isinstance(value, Mapping) and value.keys() == {"value", "low", "high"}:
        low, high = (NOT_KNOWN if value[end] is None else f"{value[end]:.4g}" for end in ("low", "high"))
        return NOT_KNOWN if value["value"] is None else f"{value['value']:.4g} [{low}, {high}]"
    return shown(value)


def baselines(report: Report) -> str:
    """Each baseline beside the model."""
    part, known = report.verdict_part, report.known
    model = report.parts[part].metrics[known.main]
    # One scale for all rows, as intervals are to be compared with the eye.
    scores = [row.metrics[part][known.main] for row in report.baselines] + [model]
    (low, high), digits = scale_of(scores), known.digits(model)
    rows = []
    for row in report.baselines:
        score, gap = row.metrics[part][known.main], row.difference
        rows.append(
            f'<tr><th scope="row">{escape(row.name)}</th>{number(score, digits=digits)}'
            f'<td class="wide-only">{interval(score, low, high)}</td>'
            f"{number(gap, digits=known.difference_digits(gap), sign=True)}<td>{p_value(row.p)}</td>"
            f"<td>{_plain(row.seconds, '.1f')}</td><td>{_count(row.size)}</td></tr>"
        )
    rows.append(
        f'<tr class="model"><th scope="row">this model</th>{number(model, digits=digits)}'
        f'<td class="wide-only">{interval(model, low, high)}</td><td>{NOT_KNOWN}</td><td>{NOT_KNOWN}</td>'
        f"<td>{_plain(report.seconds or math.nan, '.1f')}</td><td>{_count(report.size)}</td></tr>"
    )
    better = "" if known.higher_is_better else "; lower is better"
    caption = (
        f"On {part}, {report.parts[part].count:,} items, with {INTERVAL}s. Difference: the model's {known.title} "
        f"minus the baseline's{', in points' if known.is_share else better}. p: for this pair "
        "alone; the verdict's is corrected for the number of baselines. Parameters of nearest neighbours: the stored "
        "training items. Baselines on frozen features: seconds and parameters without the frozen network."
    )
    heads = ["<Model", capital(known.title), "~Interval", "Difference", "p"]
    text = table(caption, [*heads, "Seconds", "Parameters"], rows, kind="wide")
    gain = report.views_gain
    if gain is None:
        return text
    return f"{text}<h3>Test-time augmentation</h3><p>{escape(gain.sentence)}</p>{_views(report)}"


def _views(report: Report) -> str:
    gain = report.views_gain
    assert gain is not None
    plain, known = report.parts[gain.part].metrics, report.known.metrics
    rows = [
        f'<tr><th scope="row">{title_of(name)}</th>{number(plain[name])}{number(with_views)}'
        f"{number(gain.differences[name], digits=1 if known[name].is_share else 4, sign=True)}</tr>"
        for name, with_views in gain.metrics.items()
    ]
    caption = f"On {gain.part}, the same items. Differences of shares, such as accuracy, are in points."
    return table(caption, ["<Metric", "Plain view", f"With {gain.views} more", "Difference"], rows)


def metrics(report: Report) -> str:
    """Every metric on every part."""
    rows = []
    for name in next(iter(report.parts.values())).metrics:
        better = "higher" if report.known.metrics[name].higher_is_better else "lower"
        cells = "".join(
            number(part.metrics[name], digits=report.known.digits(part.metrics[name])) for part in report.parts.values()
        )
        rows.append(f'<tr><th scope="row">{title_of(name)} <small>{better} is better</small></th>{cells}</tr>')
    heads = [f"{part} ({scores.count:,} items)" for part, scores in report.parts.items()]
    return table(f"Each with its {INTERVAL}.", ["<Metric", *heads], rows)


def curves(report: Report) -> str:
    """Losses and the main metric over the epochs."""
    if not report.history:
        return ""
    steps = [_step(row) for row in report.history]
    title, names = capital(report.known.title), ("train_loss", "valid_loss", report.metric)
    lines = {name: [row.get(name) for row in report.history] for name in names}
    charts = [
        line_chart("Loss", {"training": lines["train_loss"], "validation": lines["valid_loss"]}, steps),
        line_chart(f"{title} on validation", {"validation": lines[report.metric]}, steps),
    ]
    rows = [
        f'<tr><th scope="row">{escape(step)}</th>'
        + "".join(f"<td>{_plain(row.get(name))}</td>" for name in (*names, "lr"))
        + f"<td>{_plain(row.get('seconds'), '.1f')}</td></tr>"
        for step, row in zip(steps, report.history, strict=True)
    ]
    heads = ["<Epoch", "Training loss", "Validation loss", title, "Learning rate", "Seconds"]
    caption = "History by epoch."
    if len(steps) < 2:  # a dot alone is no curve
        return table(caption, heads, rows)
    return f'<div class="charts">{"".join(charts)}</div>{details("The numbers", table(caption, heads, rows))}'


def _step(row: Mapping[str, Any]) -> str:
    return "head" if row.get("stage") == "head" else str(row.get("epoch", ""))


def classes(report: Report) -> str:
    """Metrics of each class or label."""
    text, known = [], report.known
    for name, part in report.parts.items():
        # A number has no classes.
        if not part.per_class:
            continue
        names = list(part.per_class[0].scores)
        rows = [
            f'<tr><th scope="row">{escape(of_label.label)}</th><td>{of_label.count:,}</td>'
            f"{''.join(number(of_label.scores[score]) for score in names)}</tr>"
            for of_label in part.per_class
        ]
        caption = f"On {name}, with {INTERVAL}s.{_reading(known.label_word) if 'precision' in names else ''}"
        heads = [f"<{capital(known.label_word)}", capital(known.counted), *map(title_of, names)]
        body = table(caption, heads, rows)
        body = body if len(rows) <= MAX_CLASSES else details(f"{len(rows)} {plural(known.label_word)}", body)
        text.append(f"<h3>{escape(name)}</h3>{body}" if len(report.parts) > 1 else body)
    return "".join(text)


def _reading(word: str) -> str:
    """What precision and recall are of classes, or of labels that an item has."""
    has, of = ("are of", "of") if word == "class" else ("have", "with")
    return (
        f" Precision: share of the items predicted as this {word} that {has} it. "
        f"Recall: share of the items {of} this {word} that were predicted as it."
    )


def slices(report: Report) -> str:
    """Every asked-for group beside the rest, and the worst groups that were found without being asked for."""
    text = []
    if report.worst_slices is not None:
        text.append("<h3>Worst slices found</h3>")
        if report.worst_slices.found:
            text.append(_slice_table(report, report.worst_slices.found, "Slices that are distinguishably worse."))
        else:
            text += [f"<p>{escape(sentence)}</p>" for sentence in report.worst_slices.sentences]
        if report.worst_slices.left_out:
            left = "; ".join(f"{column}: {reason}" for column, reason in report.worst_slices.left_out.items())
            text.append(f'<p class="soft">Columns skipped: {escape(left)}.</p>')
    if report.slices is not None:
        text.append("<h3>By column</h3>")
        text += [f"<p>{escape(sentence)}</p>" for sentence in report.slices.sentences]
        text.append(_slice_table(report, report.slices.slices, "Each group beside all other items."))
        text.append(_all_metrics(report.slices.slices, report.metric))
        text.append(_disparities(report))
    return "".join(text)


def _slice_table(report: Report, judged: Sequence[Slice], opening: str) -> str:
    known = report.known
    # The worst slices are of right predictions, whatever the main metric is.
    scores = [one.metrics.get(known.main) or next(iter(one.metrics.values())) for one in judged]
    low, high = scale_of(scores)
    rows = []
    for one, score in zip(judged, scores, strict=True):
        bad = " bad" if one.verdict == "worse" else ""
        flag = "" if one.verdict == "indistinguishable" else f'<span class="flag{bad}">{one.verdict}</span>'
        rows.append(
            f'<tr><th scope="row">{escape(one.name)}</th><td>{one.count:,}</td>'
            f"{number(score, digits=known.digits(score))}"
            f'<td class="wide-only">{interval(score, low, high, width=120)}</td>'
            f"{number(one.difference, digits=known.difference_digits(one.difference), sign=True)}"
            f'<td>{p_value(one.p)}</td><td class="text">{flag}</td></tr>'
        )
    caption = (
        f"{opening} On {report.verdict_part}, with {INTERVAL}s. Difference: {known.title} minus that of all other "
        f"items{', in points' if known.is_share else ''}; p is corrected for the number of comparisons."
    )
    heads = ["<Slice", "Items", capital(known.title), "~Interval", "Difference", "p", "<Verdict"]
    return table(caption, heads, rows, kind="wide")


def _all_metrics(judged: Sequence[Slice], main: str) -> str:
    """Every metric of every slice."""
    names = [name for name in judged[0].metrics if name != main] if judged else []
    rows = [
        f'<tr><th scope="row">{escape(one.name)}</th>{"".join(number(one.metrics[name]) for name in names)}</tr>'
        for one in judged
    ]
    heads = ["<Slice", *(title_of(name) for name in names)]
    return details("All metrics", table(f"The other metrics, with {INTERVAL}s.", heads, rows)) if names else ""


def _disparities(report: Report) -> str:
    assert report.slices is not None
    # Groups that are too small are named in the table above already.
    known = [gap for gap in report.slices.disparities if not math.isnan(gap.value.value)]
    if not known:
        return ""
    rows = [
        f'<tr><th scope="row">{escape(title_of(gap.name))}</th><td class="text">{escape(gap.column)}</td>'
        f'<td class="text">{escape(gap.label)}</td>{number(gap.value)}<td class="text">{escape(gap.lowest)}</td>'
        f'<td class="text">{escape(gap.highest)}</td></tr>'
        for gap in known
    ]
    caption = (
        f"Disparities between the groups of a column, on {report.verdict_part}: the largest difference between "
        "groups in the share predicted as a class. 0 is no disparity; the intervals hold for all groups together."
    )
    body = table(caption, ["<Disparity", "<Column", "<Class", "Value", "<Lowest", "<Highest"], rows)
    return body if len(rows) <= 9 else details(f"{len(rows)} disparities", body)


def learning_curve(measured: LearningCurve | None, part: str) -> str:
    """Accuracy and loss of the head by the number of training items, judged on a part."""
    if measured is None:
        return ""
    rows = [
        f'<tr><th scope="row">{point.num_items:,}</th><td>{point.num_draws}</td>{number(point.accuracy)}'
        f"{number(point.log_loss)}</tr>"
        for point in measured.points
    ]
    caption = (
        f"The head on frozen features, judged on {measured.num_judged:,} items of {part}, by the number "
        "of training items. Small numbers are drawn several times, and the values are means."
    )
    numbers = details("The numbers", table(caption, ["<Training items", "Draws", "Accuracy", "Log loss"], rows))
    charts = _size_chart(measured, "accuracy") + _size_chart(measured, "log_loss")
    return f'<p>{escape(measured.sentence)}</p><div class="charts">{charts}</div>{numbers}'


def _size_chart(measured: LearningCurve, name: Literal["accuracy", "log_loss"]) -> str:
    scores = [(point.num_items, getattr(point, name)) for point in measured.points]
    dots = [Point(size, score.value, score.low, score.high, f"{size:,} items: {score}") for size, score in scores]
    low, high = scale_of(score for _, score in scores)
    # Dots on the frame would look cut off.
    pad = 0.05 * (high - low) or 0.05
    sizes = [size for size, _ in scores]
    frame = Frame(
        sizes[0], sizes[-1], max(low - pad, 0.0), min(high + pad, 1.0 if name == "accuracy" else math.inf), log=True
    )
    # Six sizes have no room for a name each.
    shown = sizes[-1::-2] if len(sizes) > 5 else sizes
    body = axes(frame, x_marks=[(size, f"{size:,}") for size in shown], x_title="training items")
    body += points(frame, "one", dots)
    told = f"from {dots[0].y:.3g} with {sizes[0]:,} items to {dots[-1].y:.3g} with {sizes[-1]:,}"
    return figure(title_of(name), told, body)


def _count(parameters: int | None) -> str:
    return NOT_KNOWN if parameters is None else format_parameters(parameters)


def _plain(value: object, form: str = ".4g") -> str:
    return f"{value:{form}}" if isinstance(value, int | float) and math.isfinite(value) else NOT_KNOWN
