"""The page's small change: numbers, tables and pictures as HTML. Everything that comes from data is escaped here."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from headway.judge.intervals import Estimate

if TYPE_CHECKING:
    from headway.judge.report.report import Picture

__all__ = [
    "NOT_KNOWN",
    "capital",
    "details",
    "number",
    "p_value",
    "pairs",
    "percent",
    "photo",
    "picture_of",
    "player",
    "plural",
    "shown",
    "table",
    "title_of",
]

NOT_KNOWN = "\N{EN DASH}"
_TITLES = {
    "arch": "Architecture",
    "auroc": "AUROC",
    "f1": "F1",
    "iou": "IoU",
    "macro_f1": "Macro F1",
    "mae": "Mean absolute error",
    "mean_iou": "Mean IoU",
    "micro_f1": "Micro F1",
    "r2": "R\N{SUPERSCRIPT TWO}",
    "rmse": "Root mean squared error",
}


def title_of(name: str) -> str:
    """A metric's or a key's name in words, the first letter large."""
    return _TITLES.get(name) or capital(name.replace("_", " "))


def capital(text: str) -> str:
    """A text whose first letter is large."""
    return text[:1].upper() + text[1:]


def plural(word: str) -> str:
    """Classes of a class, labels of a label."""
    return f"{word}es" if word.endswith("s") else f"{word}s"


def number(score: Estimate | None, *, digits: int = 3, sign: bool = False) -> str:
    """A cell with an estimate and its interval; a dash where it is not known."""
    if score is None or math.isnan(score.value):
        return f"<td>{NOT_KNOWN}</td>"
    plus = "+" if sign else ""
    if score.reason:
        return f"<td>{score.value:{plus}.{digits}f} <small>no interval: {escape(score.reason)}</small></td>"
    # One end can be unknown, as of a metric that has no largest value.
    ends = (f"{end:{plus}.{digits}f}" if math.isfinite(end) else NOT_KNOWN for end in (score.low, score.high))
    return f"<td>{score.value:{plus}.{digits}f} <small>[{', '.join(ends)}]</small></td>"


def p_value(value: float | None) -> str:
    """A p in two digits; a dash where it is not known."""
    if value is None or math.isnan(value):
        return NOT_KNOWN
    # More digits of so small a p say more about the test's assumptions than about the model.
    return "&lt; 0.001" if value < 0.001 else f"{value:.2g}"


def percent(share: float) -> str:
    """A share from 0 to 1 as per cent, with as many digits as say something."""
    # Rounded, these would read as never and as always.
    if 0 < share < 0.001:
        return "&lt; 0.1%"
    if 0.999 < share < 1:
        return "&gt; 99.9%"
    return f"{share:.1%}"


def table(caption: str, heads: Iterable[str], rows: Iterable[str], *, kind: str = "") -> str:
    """A table with a caption, which can be scrolled from the keyboard where it is wide.

    Of the columns' names "<" before one means text, aligned left, and "~" a picture, which a phone has no room for.
    Rows are whole rows as HTML, the first cell a row's heading.
    """
    cells = "".join(_head(head) for head in heads)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(_short(caption))}"><table class="{kind}">'
        f"<caption><span>{escape(caption)}</span></caption>"
        f"<thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _head(name: str) -> str:
    kind = {"<": ' class="text"', "~": ' class="wide-only"'}.get(name[:1], "")
    return f'<th scope="col"{kind}>{escape(name[1:] if kind else name)}</th>' if name else "<td></td>"


def pairs(values: Mapping[str, Any], caption: str, *, names: Callable[[str], str] | None = None) -> str:
    """A table of names and values; nothing where there are none. `names` says how a name is shown."""
    named = names or title_of
    rows = [
        f'<tr><th scope="row">{escape(named(str(name)))}</th><td class="text">{escape(shown(value))}</td></tr>'
        for name, value in values.items()
    ]
    return table(caption, ["<Name", "<Value"], rows, kind="pairs") if rows else ""


def shown(value: Any) -> str:
    """A plain value as text."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {shown(entry)}" for name, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(shown(entry) for entry in value)
    if value is None:
        return NOT_KNOWN
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def details(summary: str, body: str) -> str:
    """A part of the page that is folded away until it is asked for; on paper it is open."""
    return f"<details><summary>{escape(summary)}</summary><div>{body}</div></details>"


def photo(jpeg: bytes, alt: str, *, side: int | None = None) -> str:
    """An embedded JPEG with its alternative text."""
    data = base64.b64encode(jpeg).decode()
    size = f' width="{side}" height="{side}"' if side else ""
    return f'<img src="data:image/jpeg;base64,{data}" alt="{escape(alt)}"{size}>'


def player(wav: bytes, name: str) -> str:
    """An embedded recording to hear."""
    data = base64.b64encode(wav).decode()
    return f'<audio controls preload="none" src="data:audio/wav;base64,{data}" aria-label="{escape(name)}"></audio>'


def picture_of(picture: Picture, alt: str, *, side: int | None = None) -> str:
    """An item as the page shows it: its photo with an alternative text, or what it is instead."""
    if picture.html:
        # Left to right or the other way by its first letter.
        return f'<blockquote class="item" dir="auto">{picture.html}</blockquote>'
    return photo(picture.photo, alt, side=side)


def _short(caption: str) -> str:
    """A caption's first sentence, for a name that is read aloud."""
    return caption.split(". ")[0].rstrip(".")
