"""The lab's page: the table of the routes, and pictures for the eye. One file that loads nothing."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image as PILImage

from headway.lab.compare import LabReport

__all__ = ["page"]

_SIDE = 96
_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 3rem; font: 16px/1.5 system-ui, sans-serif; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .75rem .35rem 0; text-align: left; border-bottom: 1px solid #8886; white-space: nowrap; }
figure { margin: 1rem 0; }
figcaption { overflow-wrap: anywhere; }
.items { display: flex; flex-wrap: wrap; gap: 6px; }
img { width: 96px; height: 96px; image-rendering: pixelated; border: 1px solid #8886; }
"""


def page(report: LabReport) -> str:
    """The whole page."""
    head = ["Route", report.metric.capitalize(), "Less native", "Verdict", "Seconds", "Parameters"]
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    rows = "".join(_row(cells) for cells in report.rows())
    sections = "".join(_section(name, classes) for name, classes in report.seen.items())
    lead = (
        f"Every route has the same rows in the same parts. Judged on {report.part}, {report.count:,} items, with 95 % "
        "intervals; differences are of the same items."
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Headway lab</title>'
        f"<style>{_STYLE}</style></head><body><main><h1>Is a picture a good idea?</h1><p>{escape(lead)}</p>"
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        "<h2>For the eye: do the classes differ?</h2><p>Six training items of each.</p>"
        f"{sections}</main></body></html>"
    )


def _row(cells: Sequence[str]) -> str:
    name, *others = cells
    return f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in others)}</tr>'


def _section(name: str, classes: dict[str, list[np.ndarray]]) -> str:
    figures = "".join(_figure(name, label, images) for label, images in classes.items())
    return f"<h3>{escape(name)}</h3>{figures}"


def _figure(name: str, label: str, images: Sequence[np.ndarray]) -> str:
    pictures = "".join(
        f'<img src="data:image/png;base64,{_png(image)}" alt="{escape(f"{name}, {label}, item {number}", quote=True)}">'
        for number, image in enumerate(images, start=1)
    )
    return f'<figure><figcaption>{escape(label)}</figcaption><div class="items">{pictures}</div></figure>'


def _png(image: np.ndarray) -> str:
    file = io.BytesIO()
    PILImage.fromarray(image).resize((_SIDE, _SIDE)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
