"""The page's sections on single items: those that the model is most wrong about, and labels that look wrong."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from headway.judge.report.page.marks import details, percent, photo, table
from headway.targets.mask.page import legend

if TYPE_CHECKING:
    from headway.judge.report.report import Report
    from headway.judge.report.sections import FarItem
    from headway.targets.category.mistakes import LabelIssue, LabelIssues, TopLoss

__all__ = ["NUM_ISSUES", "far_items", "label_issues", "top_losses"]

NUM_ISSUES = 16
"""Suspected labels that are shown of each part; the rest is in report.json."""
SMALL = 72


def top_losses(report: Report) -> str:
    """A gallery of the items that the model gave their own label the least probability."""
    if not report.top_losses:
        return ""
    wrong = sum(each.predicted != each.target for each in report.top_losses)
    seen = any(each.row in report.pictures and report.pictures[each.row].heat for each in report.top_losses)
    heat = (
        " Beside each photo, in warm colours, where the network finds what speaks for its answer (Grad-CAM)."
        if seen
        else ""
    )
    right = "" if wrong == len(report.top_losses) else " Those that are right are the least sure of the right ones."
    told = (
        f"The {len(report.top_losses)} items of {report.focus_part} that the model gave their own label the least "
        f"probability; {wrong} of them are wrong.{right}{heat}"
    )
    cards = "".join(f"<li>{_card(report, each)}</li>" for each in report.top_losses)
    return f'<p>{told}</p><ul class="gallery">{cards}</ul>'


def far_items(report: Report) -> str:
    """A gallery of the items whose answers are farthest from their targets."""
    if not report.far_items:
        return ""
    told = f"The {len(report.far_items)} items of {report.focus_part} whose answers are farthest from the truth."
    named = next((list(each.others) for each in report.pictures.values() if each.others), [])
    shown = ""
    if named:
        told += f" Each with its photo, and laid over it: {', '.join(named)}."
        shown = legend(report.labels)
    cards = "".join(f"<li>{_far(report, each)}</li>" for each in report.far_items)
    return f'<p>{told}</p>{shown}<ul class="gallery">{cards}</ul>'


def _far(report: Report, item: FarItem) -> str:
    picture = report.pictures.get(item.row)
    alt = f"Row {item.row}: true {item.target}, given {item.answer}"
    images = ""
    if picture:
        others = (photo(each, f"Row {item.row}: {name}") for name, each in picture.others.items())
        images = f'<div class="photos">{photo(picture.photo, alt)}{"".join(others)}</div>'
    told = f"<p><b>{escape(item.target)}</b>, given <b>{escape(item.answer)}</b></p>" if item.target else ""
    return f'{images}<div class="words">{told}<p class="file">row {item.row}, loss {item.loss:.4g}</p></div>'


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


def label_issues(report: Report) -> str:
    """Rows whose labels look wrong, part by part, the most suspect first."""
    text = []
    for part, found in report.label_issues.items():
        sentence = escape(found.sentence)
        heading = f"<h3>{escape(part)}</h3>" if len(report.label_issues) > 1 else ""
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
