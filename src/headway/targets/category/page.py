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
from headway.judge.report.page.marks import details, number, percent, photo, table, title_of
from headway.judge.report.report import PartScores, Report, Section
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
    """Which classes are taken for which others.

    Attributes:
        pairs: The pairs that occur, the most frequent first.
        order: The classes' indices in an order that puts those side by side that are confused.
    """

    pairs: list[ConfusedPair]
    order: list[int]


def sections(inputs: ReportInputs) -> dict[str, Section]:
    """What only classes have, by name, in the order of the page."""
    seen, labels = inputs.seen, inputs.labels
    counts, issues = confusion_matrix(*check_predictions(seen.predictions, seen.targets)), inputs.once(find_issues)
    losses = top_losses(seen.predictions, seen.targets, seen.rows, labels=labels, n=NUM_SHOWN)
    calibration = calibrate(seen.predictions, seen.targets, seed=inputs.seed)
    confusion = Confusion(confused_pairs(counts, labels, n=NUM_SHOWN), sort_by_confusion(counts))
    shown = [each.row for found in issues.values() for each in found.issues[:NUM_ISSUES]]
    explained = {each.row: labels.index(each.predicted) for each in losses}
    return {
        "confusion": Section("Confusion", confusion, _confusion),
        "top_losses": Section("Top losses", losses, _top_losses, rows=list(explained), explained=explained),
        "label_issues": Section("Suspected labels", issues, _label_issues, rows=shown, is_small=True),
        "calibration": Section("Calibration", calibration, _calibration, card=calibration.sentence),
    }


def _confusion(report: Report, found: Confusion) -> str:
    """Real tables rather than pictures, so that they can be read aloud, searched and copied."""
    text = [_pairs(report, found.pairs[:NUM_PAIRS])]
    for name, part in report.parts.items():
        heading = f"<h3>{escape(name)}</h3>" if len(report.parts) > 1 else ""
        text.append(heading + _matrix(name, part, report.labels, found.order))
    return "".join(text)


def _pairs(report: Report, pairs: Sequence[ConfusedPair]) -> str:
    if not pairs:
        return f"<p>No two classes are confused on {report.focus_part}.</p>"
    rows = [
        f'<tr><th scope="row">{escape(each.actual)}</th><td class="text">{escape(each.predicted)}</td>'
        f"<td>{each.count:,}</td>{number(each.rate)}</tr>"
        for each in pairs
    ]
    caption = (
        f"Most confused on {report.focus_part}. Rate: of the items of the class, the share that were given the other."
    )
    return table(caption, ["<Class", "<Given instead", "Items", "Rate"], rows)


def _matrix(name: str, part: PartScores, labels: Sequence[str], order: Sequence[int]) -> str:
    counts, remark = part.confusion, ""
    assert counts is not None
    places = list(order) or list(range(len(counts)))
    if len(places) > MAX_CLASSES:
        mistakes = counts.sum(0) + counts.sum(1) - 2 * counts.diagonal()
        worst = set(np.argsort(-mistakes, kind="stable")[:MAX_CLASSES].tolist())
        places = [place for place in places if place in worst]
        remark = f" Only the {MAX_CLASSES} classes with the most mistakes of {len(counts)}."
    caption = (
        f"On {name}: items of each class (row) by the class they were given (column), and the share of the row. "
        f"Classes that are confused stand side by side; the stronger the colour, the larger the share.{remark}"
    )
    wide = len(places) <= MAX_WIDE_CELLS
    rows = [_matrix_row(counts, place, places, labels, wide=wide) for place in places]
    kind = "confusion" if wide and max(map(len, labels)) <= 12 else "confusion many"
    body = table(caption, ["", *(labels[place] for place in places)], rows, kind=kind)
    if wide:
        return body
    shares = [_matrix_row(counts, place, places, labels, wide=False, shares=True) for place in places]
    heads = ["", *(labels[place] for place in places)]
    return body + details(
        "The shares, in per cent", table(f"The same on {name}, in per cent of the row.", heads, shares, kind=kind)
    )


def _matrix_row(
    counts: np.ndarray, actual: int, places: Sequence[int], labels: Sequence[str], *, wide: bool, shares: bool = False
) -> str:
    total = max(int(counts[actual].sum()), 1)
    cells = []
    for given in places:
        count = int(counts[actual, given])
        share, hit = count / total, actual == given
        told = f"{share:.0%}".rstrip("%") if shares else f"{count:,}"
        text = "" if not count else told + (f" <small>{share:.0%}</small>" if wide else "")
        colour = f"--share:{0.6 * share:.2f}" if hit else f"--part:{min(60, 100 * share):.0f}%"
        title = f"{labels[actual]} given {labels[given]}: {count:,}, {share:.1%}"
        kind = ' class="hit"' if hit else ' class="wrong"' if count else ""
        cells.append(f'<td{kind} style="{colour}" title="{escape(title)}">{text}</td>')
    label = escape(labels[actual])
    return f'<tr><th scope="row" title="{label}">{label}</th>{"".join(cells)}</tr>'


def _top_losses(report: Report, losses: Sequence[TopLoss]) -> str:
    """A gallery of the items that the model gave their own label the least probability."""
    if not losses:
        return ""
    wrong = sum(each.predicted != each.target for each in losses)
    seen = any(each.row in report.pictures and report.pictures[each.row].heat for each in losses)
    heat = (
        " Beside each photo, in warm colours, where the network finds what speaks for its answer (Grad-CAM)."
        if seen
        else ""
    )
    right = "" if wrong == len(losses) else " Those that are right are the least sure of the right ones."
    told = (
        f"The {len(losses)} items of {report.focus_part} that the model gave their own label the least "
        f"probability; {wrong} of them are wrong.{right}{heat}"
    )
    cards = "".join(f"<li>{_card(report, each)}</li>" for each in losses)
    return f'<p>{told}</p><ul class="gallery">{cards}</ul>'


def _card(report: Report, item: TopLoss) -> str:
    is_wrong = item.predicted != item.target
    shares = [_share(item.predicted, item.probability_of_predicted, "given" if is_wrong else "true")]
    if is_wrong:
        shares.append(_share(item.target, item.probability_of_target, "true"))
    told = (
        f"<b>{escape(item.target)}</b>, given <b>{escape(item.predicted)}</b>"
        if is_wrong
        else f"<b>{escape(item.target)}</b>, rightly"
    )
    return (
        f'{_photos(report, item)}<div class="words"><p>{told}</p>'
        f'<ul class="shares">{"".join(shares)}</ul><p class="file">row {item.row}, loss {item.loss:.2f}</p></div>'
    )


def _photos(report: Report, item: TopLoss) -> str:
    picture = report.pictures.get(item.row)
    if picture is None:
        return ""
    alt = f"Row {item.row}: labelled {item.target}, given {item.predicted}"
    images = photo(picture.photo, alt)
    if picture.heat is not None:
        images += photo(picture.heat, f"What speaks for {item.predicted} in row {item.row}")
    return f'<div class="photos">{images}</div>'


def _share(label: str, share: float, kind: str) -> str:
    return (
        f'<li class="{kind}"><span class="name" title="{escape(label)}">{escape(label)}</span>'
        f'<span class="track" aria-hidden="true"><span style="width:{100 * share:.1f}%"></span></span>'
        f'<span class="number">{percent(share)}</span></li>'
    )


def _label_issues(report: Report, issues: Mapping[str, LabelIssues]) -> str:
    """Rows whose labels look wrong, part by part, the most suspect first."""
    text = []
    for part, found in issues.items():
        sentence = escape(found.sentence)
        heading = f"<h3>{escape(part)}</h3>" if len(issues) > 1 else ""
        text.append(f"{heading}<p>{sentence}</p>{_issues(report, part, found)}")
    return "".join(text)


def _issues(report: Report, part: str, found: LabelIssues) -> str:
    if not found.issues:
        return ""
    shown = found.issues[:NUM_ISSUES]
    has_photos = any(each.row in report.pictures for each in shown)
    whose = "models that did not see the item give" if part == "train" else "the model gives"
    rest = f" The first {len(shown)} of {found.count:,}." if found.count > len(shown) else ""
    caption = (
        f"Suspected labels in {part}, the most suspect first. Probability: what {whose} the label that it has.{rest}"
    )
    heads = ["<Row", *(["<Photo"] if has_photos else []), "<Label", "<Perhaps", "Probability"]
    body = table(caption, heads, [_issue(report, each, has_photos=has_photos) for each in shown])
    return body if part != "train" or len(shown) <= 6 else details(f"{len(shown)} suspected labels in train", body)


def _issue(report: Report, each: LabelIssue, *, has_photos: bool) -> str:
    picture = report.pictures.get(each.row)
    alt = f"Row {each.row}, labelled {each.label}"
    shown = photo(picture.photo, alt, side=SMALL) if picture else ""
    cell = f"<td>{shown}</td>" if has_photos else ""
    return (
        f'<tr><th scope="row">{each.row}</th>{cell}<td class="text">{escape(each.label)}</td>'
        f'<td class="text">{escape(each.suggested)}</td><td>{percent(each.quality)}</td></tr>'
    )


def _calibration(report: Report, found: Calibration) -> str:
    """Whether probabilities mean what they say, as they are and after temperature scaling."""
    rows = [
        f'<tr><th scope="row">{title_of(name)} <small>lower is better</small></th>'
        f"{number(found.before[name])}{number(found.after.get(name))}</tr>"
        for name in found.before
    ]
    caption = (
        f"On {report.focus_part}, {found.count:,} items. Corrected: every logit divided by the temperature; each item "
        "is judged by a temperature that was fitted without it."
    )
    told = f"{len(found.bins)} groups of answers that are about equally sure; " + "; ".join(
        f"{each.count:,} answers with a mean probability of {each.confidence:.2f}: right in {each.accuracy.value:.2f}"
        for each in found.bins
    )
    chart = reliability(
        "Reliability: how often answers are right (up) by how sure they are (along)",
        _bins(found.bins),
        _bins(found.bins_after) if found.helps else [],
        told,
    )
    body = table(caption, ["<Metric", "As it is", "Corrected"], rows)
    return f'<p>{escape(found.sentence)}</p><div class="charts">{chart}<div>{body}{_reading()}</div></div>'


def _reading() -> str:
    return (
        '<p class="soft">On the dotted diagonal, answers of which the model is 80% sure are right in 80 of 100. Dots '
        "below it mean too sure, above it not sure enough; the larger a dot, the more "
        f"answers. The lines are {INTERVAL}s.</p>"
    )


def _bins(bins: Sequence[ReliabilityBin]) -> list[Point]:
    most = max(each.count for each in bins)
    return [
        Point(
            each.confidence,
            each.accuracy.value,
            each.accuracy.low,
            each.accuracy.high,
            f"{each.count:,} items: sure to {each.confidence:.1%}, right in {each.accuracy.value:.1%}",
            2.5 + 5 * math.sqrt(each.count / most),
        )
        for each in bins
    ]
