"""What people decided on single items: a line of JSON each, only ever added to; files and tables stay as they are.

An item is known by its content, a hash of its bytes or of its row, so decisions hold wherever the data are moved to.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl

from headway.as_json import AsJson
from headway.errors import ConfigError, DataError
from headway.system.files import read_file
from headway.targets.base import Target

__all__ = ["ACTIONS", "Applied", "Decision", "Decisions", "append", "apply", "read_decisions", "relabelled"]

Action = Literal["keep", "relabel", "drop", "unsure", "same_as", "undo"]
ACTIONS: tuple[Action, ...] = ("keep", "relabel", "drop", "unsure", "same_as", "undo")


@dataclass(frozen=True, kw_only=True)
class Decision(AsJson):
    """One decision on one item.

    Attributes:
        content: The item's hash, as in the column "content" of an item table.
        row: Its number in the source when it was decided on; of several items with one content the one that is meant.
        action: "keep" it as it is, "relabel", "drop", "unsure", "same_as" another item, or "undo" the last decision.
        old: The label that it had.
        new: The label that it gets; of "same_as" the other item's content.
        author: Who decided.
        time: When, in UTC, as ISO text.
    """

    content: str
    row: int
    action: Action
    old: str | None = None
    new: str | None = None
    author: str = ""
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))

    @property
    def answer(self) -> str:
        """What was decided, as two people's decisions are compared: the action, and the label."""
        return f"{self.action}: {self.new}" if self.action in ("relabel", "same_as") else self.action


@dataclass(frozen=True)
class Decisions:
    """All decisions of one file or of several people's.

    Attributes:
        lines: In the order in which they were read.
        fingerprint: A hash of the files; "" where there are none.
    """

    lines: Sequence[Decision]
    fingerprint: str = ""

    def standing(self) -> dict[tuple[str, int], dict[str, Decision]]:
        """By item, content and row, what each author has decided last and not undone."""
        stacks: dict[tuple[str, int], dict[str, list[Decision]]] = {}
        for line in self.lines:
            stack = stacks.setdefault((line.content, line.row), {}).setdefault(line.author, [])
            if line.action != "undo":
                stack.append(line)
            elif stack:
                stack.pop()
        by_item = {item: {name: stack[-1] for name, stack in of.items() if stack} for item, of in stacks.items()}
        return {item: of for item, of in by_item.items() if of}

    def disagreed(self) -> dict[tuple[str, int], dict[str, Decision]]:
        """The items that people have decided on differently; none of these decisions counts."""
        return {
            item: of for item, of in self.standing().items() if len({decision.answer for decision in of.values()}) > 1
        }

    def kappa(self) -> float | None:
        """Cohen's kappa of the two people who decided on most items; None where they share none.

        1 is agreement on every item that both decided on, 0 is what chance gives.

        Source:
            Cohen 1960, "A coefficient of agreement for nominal scales".
        """
        standing = self.standing().values()
        authors = [name for name, _ in Counter(name for of in standing for name in of).most_common(2)]
        pairs = [tuple(of[name].answer for name in authors) for of in standing if all(name in of for name in authors)]
        if len(authors) < 2 or not pairs:
            return None
        agreed = sum(one == other for one, other in pairs) / len(pairs)
        shares = [Counter(pair[side] for pair in pairs) for side in (0, 1)]
        by_chance = sum(shares[0][answer] * shares[1][answer] for answer in shares[0]) / len(pairs) ** 2
        return 1.0 if by_chance == 1 else (agreed - by_chance) / (1 - by_chance)


@dataclass(frozen=True, kw_only=True)
class Applied(AsJson):
    """What decisions changed in a data set.

    Attributes:
        fingerprint: Of the decisions' files.
        rows: The items that a decision changed, by their numbers in the source.
        relabelled: How many have another label.
        dropped: How many were left out.
        disagreed: How many decisions of several people contradict one another, and changed nothing.
        missing: How many are on items that the data no longer have.
    """

    fingerprint: str
    rows: tuple[int, ...] = ()
    relabelled: int = 0
    dropped: int = 0
    disagreed: int = 0
    missing: int = 0

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Applied:
        """What `to_json` wrote."""
        return cls(**{**values, "rows": tuple(values["rows"])})

    @property
    def sentence(self) -> str:
        """The same in words."""
        said = f"Decisions: {self.relabelled} labels changed, {self.dropped} items left out"
        said += f", {self.disagreed} contradict one another" if self.disagreed else ""
        return said + (f", {self.missing} on items that are no longer there." if self.missing else ".")


def append(path: str | os.PathLike[str], decision: Decision) -> None:
    """Adds a decision to a file, and returns when it is on the disk."""
    line = json.dumps(decision.to_json(), ensure_ascii=False).encode() + b"\n"
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        # A process that was killed as it wrote may have left half of a line.
        size = os.lseek(opened, 0, os.SEEK_END)
        if size and os.pread(opened, 1, size - 1) != b"\n":
            line = b"\n" + line
        os.write(opened, line)
        os.fsync(opened)
    finally:
        os.close(opened)


def read_decisions(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> Decisions:
    """The decisions in one file, or in those of several people.

    A line that a killed process left half written is passed over.

    Raises:
        DataError: If a file is missing, or holds something else.
    """
    files = [Path(paths)] if isinstance(paths, (str, os.PathLike)) else list(map(Path, paths))
    lines, digest = list[Decision](), hashlib.sha256()
    for file in files:
        try:
            content = read_file(file)
        except OSError as error:
            what, fix = "The file of decisions cannot be read.", "Correct the path; `headway clean DATA` makes one."
            raise DataError(what, given=f"{file}: {error.strerror or error}", fix=fix) from error
        digest.update(content)
        lines += [line for number, text in enumerate(content.splitlines(), 1) if (line := _line(text, file, number))]
    return Decisions(lines, digest.hexdigest() if files else "")


def _line(text: bytes, file: Path, number: int) -> Decision | None:
    try:
        values = json.loads(text)
    except ValueError:
        # Half of a line: what was not written to its end was not decided.
        return None
    names = set(asdict(Decision(content="", row=0, action="keep")))
    is_right = (
        isinstance(values, dict)
        and {"content", "row", "action"} <= values.keys() <= names
        and isinstance(values["row"], int)
        and values["action"] in ACTIONS
    )
    if not is_right:
        what = "A line of the file of decisions is none."
        raise DataError(what, given=f"{file}, line {number}: {text[:100]!r}", fix="Remove that line.")
    return Decision(**values)


def apply(frame: pl.DataFrame, target: Target, decisions: Decisions) -> tuple[pl.DataFrame, dict[int, str], Applied]:
    """An item table as people decided on its items, with the columns "row" and "content".

    Returns:
        The table with other labels; the rows to leave out, with the reason; and what was changed.

    Raises:
        ConfigError: If labels are not in one column of the table.
    """
    contents = frame["content"].to_list()
    rows_of: dict[str, list[int]] = {}
    for row, content in zip(frame["row"].to_list(), contents, strict=True):
        rows_of.setdefault(content, []).append(row)
    labels: dict[int, str] = {}
    same: dict[int, str] = {}
    dropped: dict[int, str] = {}
    missing, disagreed = 0, decisions.disagreed()
    for item, of in decisions.standing().items():
        rows = [item[1]] if item[1] in rows_of.get(item[0], []) else rows_of.get(item[0], [])
        missing += not rows
        decision = next(iter(of.values()))
        if item in disagreed or decision.action in ("keep", "unsure"):
            continue
        for row in rows:
            if decision.action == "drop":
                dropped[row] = f"dropped by {decision.author or 'a decision'}"
            elif decision.action == "relabel":
                labels[row] = str(decision.new)
            else:
                same[row] = str(decision.new)
    changed = relabelled(frame, target, labels)
    if same:
        contents = [same.get(row, content) for row, content in zip(frame["row"], contents, strict=True)]
        changed = changed.with_columns(pl.Series("content", contents, dtype=pl.String))
    applied = Applied(
        fingerprint=decisions.fingerprint,
        rows=tuple(sorted({*labels, *dropped, *same})),
        relabelled=len(labels),
        dropped=len(dropped),
        disagreed=len(disagreed),
        missing=missing,
    )
    return changed, dropped, applied


def relabelled(frame: pl.DataFrame, target: Target, labels: dict[int, str]) -> pl.DataFrame:
    """An item table in which some rows have another label.

    Raises:
        ConfigError: If labels are not in one column of the table.
    """
    if not labels:
        return frame
    if len(target.columns) != 1 or target.column not in frame.columns:
        what = "Decisions change labels that are in one column of the table."
        raise ConfigError(what, given=str(target), fix="Leave `decisions` and `relabel` out.")
    column = frame[target.column]
    wanted: list[Any] = [labels.get(row) for row in frame["row"].to_list()]
    changed = pl.Series(target.column, wanted, dtype=pl.String).cast(column.dtype)
    return frame.with_columns(pl.when(changed.is_not_null()).then(changed).otherwise(column).alias(target.column))
