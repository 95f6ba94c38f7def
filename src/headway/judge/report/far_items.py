"""The items whose predictions are farthest from their targets: the section that every kind of target has."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np

from headway.as_json import AsJson
from headway.judge.report.inputs import ReportInputs
from headway.judge.report.page.marks import photo, picture_of, player
from headway.judge.report.report import Report, Section

__all__ = ["NUM_SHOWN", "FarItem", "far_items"]

# Items in a gallery.
NUM_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class FarItem(AsJson):
    """An item, by its number in its source, whose prediction is far from its target; both are in words.

    The larger the loss, the worse the prediction, as the kind of target measures it.
    """

    row: int
    target: str
    prediction: str
    loss: float


def far_items(inputs: ReportInputs) -> Section:
    """The items of `inputs.focus` whose predictions are worst."""
    seen, metrics, labels = inputs.seen, inputs.metrics, inputs.labels
    losses = metrics.item_losses(seen.predictions, seen.targets)
    worst = np.argsort(-losses, kind="stable")[:NUM_SHOWN]
    items = [
        FarItem(
            row=int(seen.rows[index]),
            target=metrics.describe(seen.targets[index], labels),
            prediction=metrics.describe(seen.predictions[index], labels),
            loss=float(losses[index]),
        )
        for index in worst
    ]
    return Section("Farthest from the truth", items, _html, rows=[item.row for item in items])


def _html(report: Report, items: list[FarItem]) -> str:
    """A gallery."""
    lead = f"The {len(items)} items of {report.focus_part} whose predictions are farthest from the truth."
    named = next((list(picture.others) for picture in report.pictures.values() if picture.others), [])
    if named:
        lead += f" Each with its photo, and laid over it: {', '.join(named)}."
    legend = next((picture.legend for picture in report.pictures.values() if picture.legend), "")
    cards = "".join(f"<li>{_card(report, item)}</li>" for item in items)
    return f'<p>{lead}</p>{legend}<ul class="gallery">{cards}</ul>'


def _card(report: Report, item: FarItem) -> str:
    picture = report.pictures.get(item.row)
    alt = f"Row {item.row}: true {item.target}, given {item.prediction}"
    images = ""
    if picture:
        others = (photo(jpeg, f"Row {item.row}: {name}") for name, jpeg in picture.others.items())
        heard = player(picture.sound, f"Recording of row {item.row}") if picture.sound else ""
        images = f'<div class="photos">{picture_of(picture, alt)}{"".join(others)}</div>{heard}'
    words = f"<p><b>{escape(item.target)}</b>, given <b>{escape(item.prediction)}</b></p>" if item.target else ""
    return f'{images}<div class="words">{words}<p class="file">row {item.row}, loss {item.loss:.4g}</p></div>'
