"""The data sheet: what a data set is, as far as a program can see it, and blanks where only a person knows.

Nothing is invented: where data come from, who agreed, and who is missing stay blank until somebody fills them in.

Source of the form:
    Gebru et al. 2021, "Datasheets for datasets", arXiv:1803.09010.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from headway.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    import polars as pl


__all__ = ["BLANK", "data_sheet"]

# What a person fills in.
BLANK = "____"
# Of a long list, as many as somebody reads.
_MOST = 30
_OWN = ("row", "content", "split")

# What no program can know, by the sections of the form.
_QUESTIONS: dict[str, tuple[str, ...]] = {
    "Motivation": ("Made for", "Made and paid for by"),
    "Who is in it": ("Who is in it, and who is missing", "Do people know that they are in it, and did they agree"),
    "Collection": (
        "Where the data come from, and when they were collected",
        "How items were chosen, and who labelled them",
        "What the label stands for, and where it may stand for something else",
    ),
    "Uses": ("Fit for", "Not fit for"),
    "Licence and upkeep": ("Licence", "Who answers for it, and when it is looked at again"),
}


def data_sheet(data: Any, *, groups: Sequence[str] = ()) -> str:
    """A data sheet in Markdown of a `headway.data.dataset.Data`.

    `groups` are columns that say to which groups people belong, to be counted.

    Raises:
        ConfigError: If a column is not known.

    Example:
        >>> data_sheet(data, groups=["sex"])  # doctest: +SKIP
    """
    for column in groups:
        if column not in data.items.columns:
            fix = did_you_mean(column, data.items.columns)
            raise ConfigError("The items have no such column.", given=f"column {column!r}", fix=fix)
    facts = {"Motivation": [], "What is in it": _contents(data), "Who is in it": _people(data.items, groups)}
    facts |= {"Collection": [], "Preparation": _preparation(data), "Uses": [], "Licence and upkeep": []}
    lines = ["# Data sheet"]
    for title, known in facts.items():
        blanks = [f"- {question}: {BLANK}" for question in _QUESTIONS.get(title, ())]
        lines += ["", f"## {title}", "", *known, *blanks]
    return "\n".join(lines) + "\n"


def _contents(data: Any) -> list[str]:
    parts = ", ".join(f"{len(data.part(name)):,} {name}" for name in data.parts)
    lines = [f"- Items: {len(data.items):,} ({parts}); what goes in: {_text(data.input)}"]
    target = data.target
    if target.is_one_class:
        counts = Counter(target.strata(data.items)).most_common()
        shown = ", ".join(f"{_text(label)} {count:,}" for label, count in counts[:_MOST])
        lines.append(f"- Label: {_text(target.column)}, {len(counts):,} classes: {shown}{_more(len(counts))}")
    else:
        lines.append(f"- Target: {_text(target)}")
    columns = [name for name in data.items.columns if name not in _OWN]
    empty = {name: data.items[name].null_count() for name in columns}
    shown = ", ".join(_text(name) + (f" ({empty[name]:,} missing)" if empty[name] else "") for name in columns[:_MOST])
    lines.append(f"- Columns: {shown}{_more(len(columns))}")
    return [*lines, f"- Fingerprint: {data.fingerprint}"]


def _people(items: pl.DataFrame, groups: Sequence[str]) -> list[str]:
    lines = []
    for column in groups:
        counts = Counter(items[column].to_list()).most_common()
        shown = ", ".join(
            f"{'(missing)' if value is None else _text(value)} {count:,} ({count / max(len(items), 1):.1%})"
            for value, count in counts[:_MOST]
        )
        lines.append(f"- By {_text(column)}: {shown}{_more(len(counts))}")
    return lines or [f"- Groups of people were not counted: {BLANK}"]


def _preparation(data: Any) -> list[str]:
    lines = [f"- Split: {_text(data.split.describe(data.target.strata_name))}"]
    # A run that was read again may have kept no column of reasons.
    known = data.problems["reason"].to_list() if "reason" in data.problems.columns else []
    reasons = Counter(known).most_common(3)
    why = "".join(f"; {count:,}: {_text(reason)}" for reason, count in reasons)
    lines.append(f"- Left out, as they cannot be read: {len(data.problems):,}{why}")
    return lines + [f"- {_text(note)}" for note in data.notes]


def _more(count: int) -> str:
    return f" and {count - _MOST:,} more" if count > _MOST else ""


def _text(value: object) -> str:
    """Text that stays in its line."""
    return " ".join(str(value).split())
