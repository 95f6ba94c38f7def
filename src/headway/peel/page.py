"""Two neighbouring layers of a run side by side, as one HTML page that loads nothing."""

from __future__ import annotations

import re
from html import escape

from headway.peel.write import Peeled

__all__ = ["side_by_side"]

# What each section's title, or the first word of a line among the calls, stands beside.
_PLACES = {
    "The data": "The data",
    "What goes in": "The data",
    "What comes out": "The data",
    "The model": "The model",
    "Stage one": "Stage one",
    "Stage two": "Stage two",
    "How weights": "Training",
    "Training": "Training",
    "The better": "The better stage",
    "The same bits": "The same bits?",
}
_CALLS = {"data = ": "The data", "learner = ": "The model", "learner.": "Training", "print(": "The same bits?"}
_HEAD = "Settings"

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 110rem; padding: 1.5rem; }}
h1 {{ font-size: 1.5rem; margin: 0 0 .5rem; }}
h2 {{ font-size: 1.1rem; margin: 2rem 0 .5rem; }}
.pair {{ display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 1rem; align-items: start; }}
.pair > div {{ border: 1px solid #8887; border-radius: 6px; background: #8881; }}
.layer {{ opacity: .75; font-size: .85rem; margin: 0; padding: .4rem .8rem; }}
.layer {{ border-bottom: 1px solid #8887; }}
pre {{ margin: 0; padding: .8rem; overflow-x: auto; font: 13px/1.45 ui-monospace, monospace; tab-size: 4; }}
.pair > div:first-child pre {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
.note {{ opacity: .75; }}
@media (max-width: 60rem) {{ .pair {{ grid-template-columns: minmax(0, 1fr); }} }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>In each pair first the layer {upper}, then what stands for it in the layer {lower}. Both end at the same bits.</p>
{body}
</body>
</html>
"""


def side_by_side(upper: Peeled, lower: Peeled, *, name: str) -> str:
    """A whole HTML document: for each part of the upper layer what stands for it in the lower one."""
    ours, theirs = _parts(upper), _parts(lower)
    # Among the calls one line stands for all stages.
    if upper.layer == "method":
        stages = [title for title in theirs if title in ("Stage one", "Stage two", "Training", "The better stage")]
        theirs["Training"] = "\n\n".join(theirs.pop(title).strip("\n") for title in stages)
    titles = [title for title in dict.fromkeys([_HEAD, *_PLACES.values()]) if title in ours or title in theirs]
    body = "\n".join(
        f'<section><h2>{escape(title)}</h2><div class="pair">{_code(upper.layer, ours.get(title))}'
        f"{_code(lower.layer, theirs.get(title))}</div></section>"
        for title in titles
    )
    title = escape(f"{name}: {upper.layer} and {lower.layer}")
    return _PAGE.format(title=title, upper=escape(upper.layer), lower=escape(lower.layer), body=body)


def _code(layer: str, text: str | None) -> str:
    lines = [escape(line) for line in (text or "").strip("\n").splitlines()]
    shown = "\n".join(f'<span class="note">{line}</span>' if re.match(r" *#", line) else line for line in lines)
    return f'<div><p class="layer">{escape(layer)}</p><pre tabindex="0">{shown}</pre></div>'


def _parts(peeled: Peeled) -> dict[str, str]:
    """The text by what it stands beside, in order."""
    parts, place = dict[str, str](), _HEAD
    for line in peeled.text.splitlines(keepends=True):
        starts = _CALLS if peeled.layer == "method" else {f"# {title}": at for title, at in _PLACES.items()}
        place = next((at for start, at in starts.items() if line.startswith(start)), place)
        parts[place] = parts.get(place, "") + line
    return parts
