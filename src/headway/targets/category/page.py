"""What a report says of classes: confusion, top losses, suspected labels, calibration, each drawn for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from headway.as_json import AsJson
from headway.judge.intervals import INTERVAL
from headway.judge.report.far_items import NUM_SHOWN
from headway.judge.report.inputs import ReportInputs
from headway.judge.report.page.charts import Point, reliability
from headway.judge.report.page.marks import details, number, percent, photo, picture_of, player, table, title_of
from headway.judge.report.report import Report, Section
from headway.targets.category.calibration import Calibration, ReliabilityBin, calibrate
from headway.targets.category.metrics import check_predictions, confusion_matrix
from headway.targets.category.mistakes import (
    ConfusedPair,
    LabelIssue,
    LabelIssues,
    TopLoss,
    confused_pairs,
    find_issues,
    sort_by_confusion,
    top_losses,
)

__all__ = ["Confusion", "sections"]

# Suspected labels that are shown of each part; the rest is in report.json.
NUM_ISSUES = 16
MAX_CLASSES = 30
# Up to so many classes a cell of the confusion matrix has room for its share too.
MAX_WIDE_CELLS = 12
NUM_PAIRS = 6
SMALL = 72


@dataclass(frozen=True)
class Confusion(AsJson):
    """The pairs of classes that are confused, the most frequent first; and the classes by `sort_by_confusion`."""

    pairs: list[ConfusedPair]
    order: list[int]


def sections(inputs: ReportInputs) -> dict[str, Section]:
    """What only classes have, by name, in the order of the page."""
    seen, labels = inputs.seen, inputs.labels
    probabilities, targets = check_predictions(seen.predictions, seen.targets)
    counts, issues = confusion_matrix(probabilities, targets), inputs.once(find_issues)
    losses = top_losses(probabilities, targets, seen.rows, labels=labels, n=NUM_SHOWN)
    calibration = calibrate(probabilities, targets, seed=inputs.seed)
    confusion = Confusion(confused_pairs(counts, labels, n=NUM_SHOWN), sort_by_confusion(counts))
    suspects = [issue.row for part in issues.values() for issue in part.issues[:NUM_ISSUES]]
    explained = {item.row: labels.index(item.predicted) for item in losses}
    return {
        "confusion": Section("Confusion", confusion, _confusion),
        "top_losses": Section("Top losses", losses, _top_losses, rows=list(explained), explained=explained),
        "label_issues": Section("Suspected labels", issues, _label_issues, rows=suspects, is_small=True),
        "calibration": Section("Calibration", calibration, _calibration, card=calibration.sentence),
    }


def _confusion(report: Report, confusion: Confusion) -> str:
    """Real tables rather than pictures, so that they can be read aloud, searched and copied."""
    text = [_pairs(report, confusion.pairs[:NUM_PAIRS])]
    for name, part in report.parts.items():
        heading = f"<h3>{escape(name)}</h3>" if len(report.parts) > 1 else ""
        assert part.confusion is not None
        text.append(heading + _matrix(name, part.confusion, report.labels, confusion.order))
    return "".join(text)


def _pairs(report: Report, pairs: Sequence[ConfusedPair]) -> str:
    if not pairs:
        return f"<p>No two classes are confused on {report.focus_part}.</p>"
    rows = [
        f'<tr><th scope="row">{escape(pair.actual)}</th><td class="text">{escape(pair.predicted)}</td>'
        f"<td>{pair.count:,}</td>{number(pair.rate)}</tr>"
        for pair in pairs
    ]
    caption = f"Most confused on {report.focus_part}. Rate: share of the class that was predicted as the other."
    return table(caption, ["<Class", "<Predicted", "Items", "Rate"], rows)


def _matrix(name: str, counts: np.ndarray, labels: Sequence[str], order: Sequence[int]) -> str:
    remark = ""
    if len(order) > MAX_CLASSES:
        # In both directions: what a class was taken for, and what was taken for it.
        mistakes = counts.sum(0) + counts.sum(1) - 2 * counts.diagonal()
        worst = set(np.argsort(-mistakes, kind="stable")[:MAX_CLASSES].tolist())
        order = [index for index in order if index in worst]
        remark = f" Only the {MAX_CLASSES} classes with the most mistakes of {len(counts)}."
    caption = (
        f"Confusion matrix on {name}: true class (row) by predicted class (column), with the share of the row. "
        f"Confused classes are side by side. Stronger colours are larger shares.{remark}"
    )
    wide = len(order) <= MAX_WIDE_CELLS
    rows = [_matrix_row(counts, index, order, labels, wide=wide) for index in order]
    kind = "confusion" if wide and max(map(len, labels)) <= 12 else "confusion many"
    return table(caption, ["", *(labels[index] for index in order)], rows, kind=kind)


def _matrix_row(counts: np.ndarray, actual: int, order: Sequence[int], labels: Sequence[str], *, wide: bool) -> str:
    total = max(int(counts[actual].sum()), 1)
    cells = []
    for predicted in order:
        count = int(counts[actual, predicted])
        share, hit = count / total, actual == predicted
        text = "" if not count else f"{count:,} <small>{share:.0%}</small>" if wide else f"{count:,}"
        # A mistake has the stronger colour: even a small share of them should be seen.
        colour = f"--share:{0.6 * share:.2f}" if hit else f"--part:{min(60, 100 * share):.0f}%"
        title = f"{labels[actual]} predicted as {labels[predicted]}: {count:,}, {share:.1%}"
        kind = ' class="hit"' if hit else ' class="wrong"' if count else ""
        cells.append(f'<td{kind} style="{colour}" title="{escape(title)}">{text}</td>')
    label = escape(labels[actual])
    return f'<tr><th scope="row" title="{label}">{label}</th>{"".join(cells)}</tr>'


def _top_losses(report: Report, losses: Sequence[TopLoss]) -> str:
    """A gallery of the items with the highest loss: their own label has the lowest probability."""
    wrong = sum(item.predicted != item.target for item in losses)
    has_heat = any(item.row in report.pictures and report.pictures[item.row].heat for item in losses)
    heat = " Warm colours beside a photo show the evidence for the prediction (Grad-CAM)." if has_heat else ""
    legend = next((report.pictures[item.row].legend for item in losses if item.row in report.pictures), "")
    cards = "".join(f"<li>{_card(report, item)}</li>" for item in losses)
    return (
        f"<p>The {len(losses)} items of {report.focus_part} with the highest loss. The model got {wrong} of them wrong."
        f'{heat}</p>{legend}<ul class="gallery">{cards}</ul>'
    )


def _card(report: Report, item: TopLoss) -> str:
    picture, photos = report.pictures.get(item.row), ""
    if picture:
        images = picture_of(picture, f"Row {item.row}: labelled {item.target}, predicted {item.predicted}")
        if picture.heat is not None:
            images += photo(picture.heat, f"Evidence for {item.predicted} in row {item.row}")
        heard = player(picture.sound, f"Recording of row {item.row}") if picture.sound else ""
        photos = f'<div class="photos">{images}</div>{heard}'
    if item.predicted == item.target:
        answer, shares = "correct", _share(item.target, item.probability_of_target, "true")
    else:
        answer = f"predicted <b>{escape(item.predicted)}</b>"
        shares = _share(item.predicted, item.probability_of_predicted, "given")
        shares += _share(item.target, item.probability_of_target, "true")
    return (
        f'{photos}<div class="words"><p><b>{escape(item.target)}</b>, {answer}</p>'
        f'<ul class="shares">{shares}</ul><p class="file">row {item.row}, loss {item.loss:.2f}</p></div>'
    )


def _share(label: str, share: float, kind: str) -> str:
    return (
        f'<li class="{kind}"><span class="name" title="{escape(label)}">{escape(label)}</span>'
        f'<span class="track" aria-hidden="true"><span style="width:{100 * share:.1f}%"></span></span>'
        f'<span class="number">{percent(share)}</span></li>'
    )


def _label_issues(report: Report, issues: Mapping[str, LabelIssues]) -> str:
    """Rows whose labels look wrong, part by part, the most suspect first."""
    text = []
    for part, suspects in issues.items():
        heading = f"<h3>{escape(part)}</h3>" if len(issues) > 1 else ""
        text.append(f"{heading}<p>{escape(suspects.sentence)}</p>{_issues(report, part, suspects)}")
    return "".join(text)


def _issues(report: Report, part: str, suspects: LabelIssues) -> str:
    if not suspects.issues:
        return ""
    shown = suspects.issues[:NUM_ISSUES]
    has_pictures = any(issue.row in report.pictures for issue in shown)
    whose = "models that did not see the item give" if part == "train" else "the model gives"
    cut = f" The first {len(shown)} of {suspects.count:,}." if suspects.count > len(shown) else ""
    caption = (
        f"Suspected labels in {part}, the most suspect first. Probability: what {whose} the label that it has.{cut}"
    )
    heads = ["<Row", *(["<Item"] if has_pictures else []), "<Label", "<Perhaps", "Probability"]
    body = table(caption, heads, [_issue(report, issue, has_pictures=has_pictures) for issue in shown])
    return body if part != "train" or len(shown) <= 6 else details(f"{len(shown)} suspected labels in train", body)


def _issue(report: Report, issue: LabelIssue, *, has_pictures: bool) -> str:
    picture = report.pictures.get(issue.row)
    image = picture_of(picture, f"Row {issue.row}, labelled {issue.label}", side=SMALL) if picture else ""
    cell = f"<td>{image}</td>" if has_pictures else ""
    return (
        f'<tr><th scope="row">{issue.row}</th>{cell}<td class="text">{escape(issue.label)}</td>'
        f'<td class="text">{escape(issue.suggested)}</td><td>{percent(issue.quality)}</td></tr>'
    )


def _calibration(report: Report, calibration: Calibration) -> str:
    """Whether probabilities mean what they say, as they are and after temperature scaling."""
    rows = [
        f'<tr><th scope="row">{title_of(name)} <small>lower is better</small></th>'
        f"{number(before)}{number(calibration.after[name])}</tr>"
        for name, before in calibration.before.items()
    ]
    caption = (
        f"On {report.focus_part}, {calibration.count:,} items. Corrected: every logit divided by the temperature; each "
        "item is judged by a temperature that was fitted without it."
    )
    description = f"{len(calibration.bins)} groups of predictions with similar probability; " + "; ".join(
        f"{one.count:,} predictions with a mean probability of {one.confidence:.2f}: accuracy {one.accuracy.value:.2f}"
        for one in calibration.bins
    )
    chart = reliability(
        "Reliability diagram: accuracy (vertical) by predicted probability (horizontal)",
        _points(calibration.bins),
        _points(calibration.bins_after) if calibration.helps else [],
        description,
    )
    reading = (
        '<p class="soft">On the dotted diagonal, predictions with 80% probability are right in 80 of 100. Dots below '
        "it are overconfident, dots above it underconfident. Larger dots hold more predictions. "
        f"The lines are {INTERVAL}s.</p>"
    )
    body = table(caption, ["<Metric", "Uncorrected", "Corrected"], rows)
    return f'<p>{escape(calibration.sentence)}</p><div class="charts">{chart}<div>{body}{reading}</div></div>'


def _points(bins: Sequence[ReliabilityBin]) -> list[Point]:
    most = max(group.count for group in bins)
    return [
        Point(
            group.confidence,
            group.accuracy.value,
            group.accuracy.low,
            group.accuracy.high,
            f"{group.count:,} items: mean probability {group.confidence:.1%}, accuracy {group.accuracy.value:.1%}",
            # A dot's area goes with its items.
            2.5 + 5 * math.sqrt(group.count / most),
        )
        for group in bins
    ]
