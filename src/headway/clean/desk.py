"""What the page of `headway clean` works on: items in queues, and the decisions of one author."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from headway.as_json import AsJson
from headway.audit.audit import Audit
from headway.audit.build import item_audit
from headway.data.dataset import Data
from headway.data.decisions import ACTIONS, Decision, Decisions, append, read_decisions
from headway.errors import DataError
from headway.judge.report.report import Picture

__all__ = ["Desk", "Queue"]

# Characters of a value that the page shows.
_SHOWN = 600


@dataclass(frozen=True)
class Queue(AsJson):
    """Items to look at, for one reason.

    Attributes:
        rows: The items' numbers in their source, in the order to look at them.
        suggested: The label that models give an item, by its row.
    """

    key: str
    title: str
    rows: Sequence[int]
    suggested: Mapping[int, str] = field(default_factory=dict)


class Desk:
    """A data set, its queues, and the file that decisions go to; its methods may be called from several threads."""

    def __init__(self, data: Data, audit: Audit, *, file: Path, author: str, others: Sequence[Path] = ()) -> None:
        self.data, self.file, self.author, self.others = data, file, author, tuple(others)
        self.items = item_audit(data)
        self.labels = list(data.target.labels) if data.target.is_one_class else []
        self._lock = threading.Lock()
        self._position = {int(row): position for position, row in enumerate(self.items.part.rows)}
        self._lines = list(self._all().lines)
        self.queues = {queue.key: queue for queue in self._queues(audit) if queue.rows}

    def state(self) -> dict[str, Any]:
        """What the page shows around the items."""
        standing, decisions = self._standing(), Decisions(self._lines)
        queues = [
            {
                "key": one.key,
                "title": one.title,
                "count": len(one.rows),
                "decided": sum(row in standing for row in one.rows),
            }
            for one in self.queues.values()
        ]
        return {
            "author": self.author,
            "file": str(self.file),
            "labels": self.labels,
            "shown": self._shown(),
            "queues": queues,
            "kappa": decisions.kappa(),
        }

    def entries(self, key: str) -> list[dict[str, Any]]:
        """The items of a queue.

        Raises:
            DataError: If there is no such queue.
        """
        if key not in self.queues:
            raise DataError("There is no such queue.", given=key, fix="Reload the page.")
        queue, standing = self.queues[key], self._standing()
        return [self._entry(row, queue.suggested.get(row), standing.get(row)) for row in queue.rows]

    def picture(self, row: int) -> Picture | None:
        """An item to look at or to hear; None where there is no such row."""
        return self.items.picture(self._position[row]) if row in self._position else None

    def decide(self, row: int, action: str, new: str | None) -> dict[str, Any]:
        """Writes a decision down, and returns when it is on the disk; of "same_as" `new` is the other item's row.

        Raises:
            DataError: If there is no such row, action or label.
        """
        if row not in self._position or action not in ACTIONS or action == "undo":
            raise DataError(
                "There is no such item or decision.", given=f"row {row}, {action!r}", fix="Reload the page."
            )
        if action == "relabel" and self.labels and new not in self.labels:
            raise DataError("There is no such label.", given=repr(new), fix=f"Known: {', '.join(self.labels[:20])}.")
        if action == "same_as":
            other = self._position.get(int(new)) if new and new.isdecimal() else None
            if other is None or int(str(new)) == row:
                raise DataError("There is no such other item.", given=f"row {new}", fix="Choose another one.")
            new = self.items.part.items["content"][other]
        position = self._position[row]
        content, old = self.items.part.items["content"][position], self._label(position)
        line = Decision(content=content, row=row, action=action, old=old, new=new, author=self.author)  # pyright: ignore[reportArgumentType]
        return self._write(line)

    def undo(self) -> dict[str, Any] | None:
        """Takes back the author's last decision; None where there is none."""
        with self._lock:
            stack = list[Decision]()
            for line in self._lines:
                if line.author == self.author:
                    stack = stack[:-1] if line.action == "undo" else [*stack, line]
        if not stack:
            return None
        last = stack[-1]
        return self._write(Decision(content=last.content, row=last.row, action="undo", author=self.author))

    def _write(self, line: Decision) -> dict[str, Any]:
        with self._lock:
            append(self.file, line)
            self._lines.append(line)
        return {"row": line.row, "decision": self._standing().get(line.row)}

    def _all(self) -> Decisions:
        files = [*([self.file] if self.file.exists() else []), *self.others]
        return read_decisions(files)

    def _standing(self) -> dict[int, dict[str, Any]]:
        """The author's own decisions that stand, by row."""
        with self._lock:
            standing = Decisions(list(self._lines)).standing()
        own = {item[1]: of[self.author] for item, of in standing.items() if self.author in of}
        return {row: {"action": decision.action, "new": decision.new} for row, decision in own.items()}

    def _label(self, position: int) -> str | None:
        return self.labels[int(self.items.part.targets[position])] if self.labels else None

    def _shown(self) -> str:
        """What an item is on the page: a "picture", a "sound", or "text"."""
        picture = self.items.picture(0)
        return "sound" if picture.sound else "picture" if picture.photo else "text"

    def _entry(self, row: int, suggested: str | None, decision: dict[str, Any] | None) -> dict[str, Any]:
        position = self._position[row]
        entry: dict[str, Any] = {
            "row": row,
            "label": self._label(position),
            "suggested": suggested,
            "decision": decision,
        }
        values = self.items.part.items.row(position, named=True)
        if self.data.input.source == "values":
            return entry | {"values": {name: str(values[name])[:_SHOWN] for name in self.data.input.columns}}
        name = values[self.data.input.column]
        return entry | {"name": "/".join(Path(name).parts[-2:]) if isinstance(name, str) else f"row {row}"}

    def _queues(self, audit: Audit) -> list[Queue]:
        found: dict[str, list[Any]] = {}
        for finding in audit.findings:
            found.setdefault(finding.kind, []).append(finding.evidence)
        suspects = {
            row: label
            for evidence in found.get("label_noise", [])
            for row, label in zip(evidence.get("rows", []), evidence.get("suggested", []), strict=False)
        }
        rows_of = dict(self.items.part.items.select("content", "row").rows())
        disagreed = [rows_of[content] for content, _ in Decisions(self._lines).disagreed() if content in rows_of]
        pairs = [row for pair in self.data.near_copies for row in pair]

        def of(*kinds: str) -> list[int]:
            return [row for kind in kinds for evidence in found.get(kind, []) for row in evidence.get("rows", [])]

        queues = [
            Queue("disagreed", "Decided differently", disagreed, suspects),
            Queue("labels", "Suspected labels", of("label_noise"), suspects),
            Queue("conflicts", "Copies with different labels", of("label_conflict"), suspects),
            Queue("copies", "Near-copies", pairs, suspects),
            Queue("unlike", "Unlike all others", of("unlike_items", "odd_values", "mixed_units"), suspects),
            Queue("poor", "Poor quality", of("poor_items"), suspects),
            Queue("rare", "Classes of too few items", of("rare_class"), suspects),
            Queue("unsure", "Low confidence", list(audit.least_sure), suspects),
            Queue("all", "All items", self.items.part.rows.tolist(), suspects),
        ]
        return [Queue(one.key, one.title, self._known(one.rows), one.suggested) for one in queues]

    def _known(self, rows: Sequence[int]) -> list[int]:
        """Each row once, those that the data have."""
        return [row for row in dict.fromkeys(map(int, np.asarray(rows, dtype=np.int64))) if row in self._position]
