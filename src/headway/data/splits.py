"""Which items train the model and which judge it.

Every splitter sees the item table with its "content" column (a hash of each item's bytes) and gives a part for each
row. None of them ever lets identical items land on different sides.
"""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import numpy as np

from headway.data.normal_form import normal_text
from headway.data.sources import SPLIT_FOLDERS
from headway.errors import ConfigError, DataError, did_you_mean
from headway.seeds import hash_groups
from headway.system.pieces import pieces

if TYPE_CHECKING:
    import polars as pl

    from headway.targets.base import Target

__all__ = [
    "PARTS",
    "ColumnSplit",
    "GroupSplit",
    "PartName",
    "RandomSplit",
    "RecordedSplit",
    "Split",
    "TimeSplit",
    "assign_parts",
    "check_split",
]

PartName = Literal["train", "valid", "test"]
PARTS: tuple[PartName, ...] = ("train", "valid", "test")

_STRATUM = "\0stratum"
# What Headway adds to the columns of a table.
_OWN_COLUMNS = {"row", "content", _STRATUM}


class Split(ABC):
    """How the rows of an item table are divided into train, valid and test."""

    @abstractmethod
    def assign(self, items: pl.DataFrame, *, target: str) -> list[str | None]:
        """A part for each row.

        Args:
            items: The item table, with the column "content".
            target: The target's column; the parts are stratified by it where the splitter can.

        Returns:
            "train", "valid" or "test" for each row; None for a row that must be left out, since an identical item
            was put elsewhere by the user.
        """

    @abstractmethod
    def describe(self, strata: str = "class") -> str:
        """The method in a few words, for the report."""

    def holds_out(self, items: pl.DataFrame, judged: pl.DataFrame) -> list[bool]:
        """Which of some rows without a part nothing may learn from, as they go with the rows of valid and test."""
        return [False] * len(items)

    @property
    def groups(self) -> str | None:
        """The column of groups that are kept whole, which intervals count in place of items; None without any."""
        return None

    @property
    def left_out(self) -> str:
        """Why a row is left out, to which `assign` gives no part."""
        return "identical to an item on another side of the split"


@dataclass(frozen=True)
class RandomSplit(Split):
    """Items drawn at random, the same share of each class.

    Which items are drawn depends on the seed and their bytes alone: the split is the same on every machine, and when
    items are added the others keep their side, but for a few where a class's count is rounded.

    Args:
        valid: Share of the items to judge the model with while working on it, above 0 and below 1.
        test: Share kept for the very end, from 0; `valid + test` is below 1.
        seed: Any integer.
    """

    valid: float = 0.2
    _: KW_ONLY
    test: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        _check_shares(self.valid, self.test)

    def assign(self, items: pl.DataFrame, *, target: str) -> list[str | None]:
        groups = hash_groups(self.seed, items["content"], prefix="content:")
        return _assign_groups(groups, items[target], valid=self.valid, test=self.test)

    def describe(self, strata: str = "class") -> str:
        by = f"stratified by {strata}, " if strata else ""
        return f"random, {by}{_shares(self.valid, self.test)}, seed {self.seed}"


@dataclass(frozen=True)
class GroupSplit(Split):
    """Whole groups (a patient, a site, a camera) on one side, so that the model is judged on groups it never saw.

    The classes' shares are kept as near as whole groups allow.

    Args:
        column: The column that names the group.
        valid: Share of the items in valid, above 0 and below 1.
        test: Share in test, from 0.
        seed: Any integer.
    """

    column: str
    valid: float = 0.2
    _: KW_ONLY
    test: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        _check_shares(self.valid, self.test)

    def assign(self, items: pl.DataFrame, *, target: str) -> list[str | None]:
        groups = [normal_text(group) for group in _column(items, self.column, "GroupSplit")]
        if any(group is None for group in groups):
            numbers = items["row"] if "row" in items.columns else range(len(items))
            rows = [row for row, group in zip(numbers, groups, strict=True) if group is None]
            raise DataError(
                f"Every row needs a group, but column {self.column!r} has gaps.",
                given=f"{len(rows)} rows without one, the first: {rows[:5]}",
                fix="Fill the column, or remove those rows.",
            )
        # Two groups that share an item are one: apart, the shared item would be on both sides.
        merged = _merge([group for group in groups if group is not None], items["content"].to_list())
        # One for each part.
        needed = 2 + (self.test > 0)
        if len(set(merged)) < needed:
            raise DataError(
                "There are too few groups to keep them whole and have every part.",
                given=f"{len(set(merged))} separate groups in column {self.column!r}",
                fix=f"At least {needed} are needed (groups that share an identical item count as one).",
            )
        return _assign_groups(hash_groups(self.seed, merged), items[target], valid=self.valid, test=self.test)

    def holds_out(self, items: pl.DataFrame, judged: pl.DataFrame) -> list[bool]:
        own = {normal_text(group) for group in judged[self.column]}
        return [normal_text(group) in own for group in items[self.column]]

    @property
    def groups(self) -> str | None:
        return self.column

    def describe(self, strata: str = "class") -> str:
        return f"whole groups by {self.column!r}, {_shares(self.valid, self.test)}, seed {self.seed}"


@dataclass(frozen=True)
class TimeSplit(Split):
    """The latest rows judge the model, as they will when it is used.

    Rows of the same moment stay together. An item identical to a later one goes where the later one goes.

    Args:
        column: A column that can be ordered: dates, times, years.
        valid: Share of the rows in valid, above 0 and below 1.
        test: Share in test (the very latest), from 0.
        until: The column of when all that a row tells of has happened, where that lasts, such as the month that a
            forecast reaches to: a row that reaches into a later part is left out.
        group: The column of what belongs together, which intervals and tests count instead of rows.
    """

    column: str
    valid: float = 0.2
    _: KW_ONLY
    test: float = 0.0
    until: str | None = None
    group: str | None = None

    def __post_init__(self) -> None:
        _check_shares(self.valid, self.test)

    def assign(self, items: pl.DataFrame, *, target: str) -> list[str | None]:
        times = _column(items, self.column, "TimeSplit")
        if any(time is None for time in times):
            missing = sum(time is None for time in times)
            given = f"{missing} rows without a value in column {self.column!r}"
            raise DataError("Every row needs a time.", given=given, fix="Fill the column, or remove them.")
        _check_text_times(times, self.column)
        ranked = sorted(times)
        first_test = ranked[-max(1, round(len(times) * self.test))] if self.test else None
        before_test = [time for time in ranked if first_test is None or time < first_test]
        if not before_test or before_test[0] == before_test[-1]:
            given = f"column {self.column!r} with {len(set(times))} different values"
            raise DataError("There are too few moments to split by.", given=given, fix="Use RandomSplit.")
        # Of all rows, not of those left before test, as the share is said of all.
        num_valid = min(max(1, round(len(times) * self.valid)), len(before_test))
        first_valid = before_test[-num_valid]
        # All the rows of the first moment go to train, even where they are more than their share.
        if first_valid == before_test[0]:
            first_valid = min(time for time in before_test if time > before_test[0])
        # By content, so that an item identical to a later one cannot train a model that is judged on its copy.
        latest: dict[str, object] = {}
        contents = items["content"].to_list()
        for time, content in zip(times, contents, strict=True):
            latest[content] = max(latest.get(content, time), time)  # type: ignore[type-var]
        parts: list[str | None] = [_part_at(latest[content], first_valid, first_test) for content in contents]
        if self.until is None:
            return parts
        ends = _column(items, self.until, "TimeSplit")
        reached = (_part_at(end, first_valid, first_test) for end in ends)
        return [part if part == last else None for part, last in zip(parts, reached, strict=True)]

    @property
    def groups(self) -> str | None:
        return self.group

    @property
    def left_out(self) -> str:
        return super().left_out if self.until is None else "reaches beyond its side of the split"

    def holds_out(self, items: pl.DataFrame, judged: pl.DataFrame) -> list[bool]:
        first = min(_column(judged, self.column, "TimeSplit"))
        return [time is None or time >= first for time in _column(items, self.column, "TimeSplit")]

    def describe(self, strata: str = "class") -> str:
        gap = f", with a gap by {self.until!r}" if self.until else ""
        return f"the latest rows by {self.column!r}, {_shares(self.valid, self.test)}{gap}"


@dataclass(frozen=True)
class ColumnSplit(Split):
    """The parts that the data came with.

    Where the column has no valid rows, they are drawn from the train rows, as `RandomSplit` does. A train item that
    is identical to one in valid or test is left out, as is a valid item identical to one in test.

    Args:
        column: The column with "train", "valid" and "test" ("validation" and "val" are understood as well).
        valid: Share of the train rows to draw where there is no valid row, above 0 and below 1.
        seed: Any integer, for that draw.
    """

    column: str = "split"
    valid: float = 0.2
    _: KW_ONLY
    seed: int = 0

    def __post_init__(self) -> None:
        _check_shares(self.valid, 0.0)

    def assign(self, items: pl.DataFrame, *, target: str) -> list[str | None]:
        given = _column(items, self.column, "ColumnSplit")
        parts = [SPLIT_FOLDERS.get(str(part).strip().lower()) for part in given]
        unknown = sorted({str(value) for value, part in zip(given, parts, strict=True) if part is None})
        if unknown:
            raise DataError(
                f'Column {self.column!r} must say "train", "valid" or "test" in every row.',
                given=unknown[:10],
                fix="Correct the column, or name another.",
            )
        contents = items["content"].to_list()
        # Of identical items those stay that lie farthest from training: a test item is never given up for one of train.
        rank = {part: level for level, part in enumerate(PARTS)}
        highest: dict[str, int] = {}
        for part, content in zip(parts, contents, strict=True):
            highest[content] = max(highest.get(content, 0), rank[str(part)])
        assigned = [p if highest[c] == rank[str(p)] else None for p, c in zip(parts, contents, strict=True)]
        if "valid" in assigned:
            return assigned
        train = [row for row, part in enumerate(assigned) if part == "train"]
        drawn = RandomSplit(self.valid, seed=self.seed).assign(items[train], target=target)
        for row, part in zip(train, drawn, strict=True):
            assigned[row] = part
        return assigned

    def holds_out(self, items: pl.DataFrame, judged: pl.DataFrame) -> list[bool]:
        return [SPLIT_FOLDERS.get(str(part).strip().lower()) != "train" for part in items[self.column]]

    def describe(self, strata: str = "class") -> str:
        return f"as given by column {self.column!r}"


@dataclass(frozen=True)
class RecordedSplit(Split):
    """The sides that a run recorded with its items; only how they came about is left of the splitter.

    Args:
        description: What that splitter's `describe` said.
        column: The column of groups that it kept whole.
    """

    description: str
    column: str | None = None

    @property
    def groups(self) -> str | None:
        return self.column

    def assign(self, items: pl.DataFrame, *, target: str) -> list[str | None]:
        return items["split"].to_list()

    def describe(self, strata: str = "class") -> str:
        return self.description


def _check_shares(valid: float, test: float) -> None:
    if not all(isinstance(share, numbers.Real) for share in (valid, test)) or not (
        0 < valid < 1 and test >= 0 and valid + test < 1
    ):
        raise ConfigError(
            "`valid` must lie above 0, `test` at or above 0, and both together below 1.",
            given=f"valid={valid!r}, test={test!r}",
            fix="Pass shares of the items, such as valid=0.2.",
        )


def _shares(valid: float, test: float) -> str:
    return f"{valid:.0%} valid" + (f", {test:.0%} test" if test else "")


def _column(items: pl.DataFrame, column: str, splitter: str) -> list:
    if column not in items.columns:
        columns = [name for name in items.columns if name not in _OWN_COLUMNS]
        raise DataError(
            f"{splitter} needs a column that the item table does not have.",
            given=f"column={column!r}, columns: {', '.join(columns)}",
            fix=did_you_mean(column, columns),
        )
    values = items[column]
    # Not a number is how other libraries write a gap.
    return (values.fill_nan(None) if values.dtype.is_float() else values).to_list()


def check_split(split: Split) -> Split:
    """The split itself, or a ConfigError if it is none."""
    if not isinstance(split, Split):
        fix = 'Pass valid=0.2 for a share, or an instance such as hw.GroupSplit("patient").'
        raise ConfigError("`split` must be one of Headway's splits.", given=f"split={split!r}", fix=fix)
    return split


def assign_parts(split: Split, items: pl.DataFrame, target: Target) -> list[str | None]:
    """A part for each item, as `Split.assign` gives it, with the shares of the target's strata kept."""
    import polars as pl

    # In a column of its own: the target's may hold numbers or lists, by which nothing can be stratified. As categories,
    # which take a quarter of the memory of texts.
    strata = target.strata(items)
    kind = pl.Enum(sorted(set(strata)))
    column = pl.concat([pl.Series(dtype=kind), *(pl.Series(piece, dtype=kind) for piece in pieces(strata))])
    del strata
    return split.assign(items.with_columns(column.alias(_STRATUM)), target=_STRATUM)


def _class_numbers(labels: pl.Series) -> np.ndarray:
    """A number for each row's class, from 0 in the order in which they come, int32 `[rows]`."""
    import polars as pl

    known: dict[str, int] = {}
    texts = (text for piece in pieces(labels) for text in piece.cast(pl.String).fill_null("None"))
    return np.fromiter((known.setdefault(text, len(known)) for text in texts), dtype=np.int32, count=len(labels))


def _merge(groups: list[str], contents: list[str]) -> list[str]:
    """Groups joined where they share an identical item (union-find); the name is the least of theirs."""
    # The lesser name is always the root, so that the result does not depend on the rows' order.
    parent: dict[str, str] = {group: group for group in groups}

    def root(group: str) -> str:
        while parent[group] != group:
            # Halving the path keeps later searches short.
            parent[group] = parent[parent[group]]
            group = parent[group]
        return group

    owner: dict[str, str] = {}
    for group, content in zip(groups, contents, strict=True):
        first, second = sorted((root(owner.setdefault(content, group)), root(group)))
        parent[second] = first
    return [root(group) for group in groups]


def _assign_groups(
    groups: tuple[np.ndarray, np.ndarray], labels: pl.Series, *, valid: float, test: float
) -> list[str | None]:
    """Whole groups to parts, in the order of `hash_groups`, each to the part that its classes are shortest of.

    For groups of one item this is exact stratification, up to rounding; for larger groups it is greedy.
    """
    order, starts = groups
    part_of = _parts_of_groups(order, starts, _class_numbers(labels), valid=valid, test=test)
    parts = np.empty(len(order), dtype=np.int8)
    parts[order] = np.repeat(part_of, np.diff(starts, append=starts.dtype.type(len(order))))
    return [PARTS[part] for part in parts.data]


def _parts_of_groups(
    order: np.ndarray, starts: np.ndarray, class_of: np.ndarray, *, valid: float, test: float
) -> np.ndarray:
    """The number of each group's part, int8 `[groups]`."""
    wanted = [_wanted(total, valid, test) for total in np.bincount(class_of).tolist()]
    # What each class still lacks in valid and, where it is wanted, in test.
    missing = [[counts_wanted[part] for counts_wanted in wanted] for part in range(2 if test else 1)]
    sizes = np.diff(starts, append=starts.dtype.type(len(order)))
    part_of = np.zeros(len(starts), dtype=np.int8)
    # As Python's numbers, one by one: a list of them takes five times as much memory.
    classes, bounds = class_of[order].data, zip(starts.data, sizes.data, strict=True)
    # Not the largest first, as one would pack a bag: valid would always be made of the same, least usual groups.
    for group, (start, size) in enumerate(bounds):
        # How often each class is in the group.
        held = Counter(classes[start : start + size]) if size > 1 else {classes[start]: 1}
        fits = [sum([min(number, lack[own]) for own, number in held.items()]) for lack in missing]
        most = max(fits)
        # A group goes where more than half of its items are wanted; else it would spoil the shares more than it mends
        # them.
        if most and 2 * most > size:
            part = fits.index(most)
            part_of[group] = part + 1
            for own, number in held.items():
                missing[part][own] = max(missing[part][own] - number, 0)
    for part in range(1 + len(missing)):
        _give_smallest(part_of, sizes, part)
    return part_of


def _give_smallest(part_of: np.ndarray, sizes: np.ndarray, part: int) -> None:
    """A group for a part that has none: the smallest of train's, or else of the largest part that can spare one."""
    counts = np.bincount(part_of, minlength=len(PARTS)).tolist()
    donors = sorted(
        (part for part in range(len(PARTS)) if counts[part] > 1), key=lambda part: (part > 0, -counts[part])
    )
    if not counts[part] and donors:
        own = np.flatnonzero(part_of == donors[0])
        # Of the smallest the last.
        part_of[own[np.argsort(-sizes[own], kind="stable")[-1]]] = part


def _wanted(total: int, valid: float, test: float) -> tuple[int, int]:
    """How many of a class's items go to valid and to test: at least one to each, and at least one left to train on."""
    free = max(total - 1, 0)
    for_valid = min(max(round(total * valid), 1), max(free - (test > 0), min(free, 1)))
    for_test = min(max(round(total * test), 1), free - for_valid) if test else 0
    return for_valid, for_test


def _check_text_times(times: Sequence[object], column: str) -> None:
    """Text is ordered letter by letter, which is the order of time for ISO dates and for nothing else."""
    for time in times:
        if not isinstance(time, str):
            return
        try:
            datetime.fromisoformat(time)
        except ValueError:
            fix = "Write dates as 2024-12-31, or turn the column into dates or numbers first."
            what = f"Column {column!r} is text that is not an ISO date, so its order is not that of time."
            raise DataError(what, given=repr(time), fix=fix) from None


def _part_at(time: object, first_valid: object, first_test: object) -> str:
    if first_test is not None and time >= first_test:  # type: ignore[operator]
        return "test"
    return "valid" if time >= first_valid else "train"  # type: ignore[operator]
