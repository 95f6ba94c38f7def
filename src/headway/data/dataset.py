"""The data set: a table of items, what goes in, what comes out, and the split.

`from_folder`, `from_csv` and `from_items` open every item once (see `store`), leave out what cannot be read, split
the rest and fit the fields on the training rows. Whatever would make training senseless is an error here, before it
starts.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from importlib import import_module
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from headway.data.decisions import Applied
from headway.data.near_copies import ADVICE, Copies, CopiesChoice, copies_of_train
from headway.data.ragged import Ragged
from headway.data.sheet import data_sheet
from headway.data.splits import PARTS, PartName, Split
from headway.data.store import Store
from headway.data.values import as_text
from headway.errors import ConfigError, DataError, ReadError, did_you_mean
from headway.inputs.base import Input
from headway.seeds import generator
from headway.targets.base import Target

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from headway.audit.audit import Audit


__all__ = ["Data", "Part", "PartName", "part_with_rows"]

# Share of the items that may become unreadable in mid-run.
MAX_LOST = 0.01


@dataclass(frozen=True, kw_only=True)
class Data:
    """Items, fields and split; frozen, so a change gives a new `Data`.

    Attributes:
        items: The user's columns, plus "row" (the item's number in the source, int), "content" (a hash of its bytes)
            and "split" ("train", "valid" or "test").
        input: The field that goes in.
        target: The field that comes out, fitted on the training rows.
        split: The splitter that made the "split" column.
        problems: The items left out: the input's column, "row" and "reason".
        store: The decoded items, in slots numbered by "row".
        notes: Sentences on what of the source is read in another way than it is written, or was left out of it.
        unlabelled: The rows that can be read and have no target, with the columns of `items` but "split"; without those
            that are identical to an item of valid or test. `Learner.adapt` learns from them.
        decisions: What people's decisions changed; None where there were none.
        refusal: Why nothing can be trained on them yet, such as a class of three items; None where something can. A
            `Learner` raises it, an audit tells it.
        source: How a command names the data, their path first and then each option; empty for data made in Python.
        lost: Items that could be read at first and can no longer be read, by row, and why. Only data too large for the
            store are read again and again; the parts leave such items out.
    """

    items: pl.DataFrame
    input: Input
    target: Target
    split: Split
    problems: pl.DataFrame
    store: Store
    notes: tuple[str, ...] = ()
    unlabelled: pl.DataFrame = field(default_factory=pl.DataFrame)
    decisions: Applied | None = None
    refusal: DataError | None = field(default=None, compare=False, repr=False)
    source: tuple[str, ...] = field(default=(), compare=False)
    lost: dict[int, str] = field(default_factory=dict, compare=False)
    _pairs: list[list[tuple[int, int]]] = field(default_factory=list, compare=False, repr=False)

    @property
    def train(self) -> Part:
        """The rows that the model learns from."""
        return self.part("train")

    @property
    def valid(self) -> Part:
        """The rows that judge the model while it is worked on."""
        return self.part("valid")

    @property
    def test(self) -> Part:
        """The rows kept for the very end; empty where there are none."""
        return self.part("test")

    @property
    def parts(self) -> list[PartName]:
        """The names of the parts that have rows, in the order train, valid, test."""
        present = set(self.items["split"].unique().to_list())
        return [name for name in PARTS if name in present]

    @cached_property
    def placed(self) -> np.ndarray:
        """Every item's encoded target, as it goes with its canvas, in the order of the items."""
        return self.target.place(self.items, self.input)

    @property
    def near_copies(self) -> list[tuple[int, int]]:
        """Pairs of items that are nearly the same, by their rows, whatever side they are on; looked for once."""
        # Kept through changes of the split and of the fields, on which they do not depend.
        if not self._pairs:
            items = self.items.filter(~pl.col("row").is_in(list(self.lost)))
            chosen = generator(0, "order").permutation(len(items))[: self.input.most_compared]
            # Of all sides: the name only says which rows a part of its own has.
            part = Part(self, "train", items[np.sort(chosen)])
            # What lies on the disk alone is not read once more.
            pairs = self.input.near_copies(part) if self.store.canvases is not None else ()
            self._pairs.append([(int(part.rows[first]), int(part.rows[second])) for first, second in pairs])
        return self._pairs[0]

    @cached_property
    def copies(self) -> list[Copies]:
        """The items of valid and of test that are nearly the same as a training item, for each part that has some."""
        targets = [name for name in self.target.columns if name in self.items.columns]
        # What lies in memory has no name of its own, and a text's name quotes it, where reports and cards leave the
        # machine.
        rows = [f"row {row}" for row in self.items["row"]]
        if self.input.source == "file":
            own = self.input.names(self.items)
            rows = [row if name.startswith("<") else name for row, name in zip(rows, own, strict=True)]
        options = {"pairs": self.near_copies, "names": rows}
        options["targets"] = None if self.store.answers else targets
        copies = (copies_of_train(self.items, part, **options) for part in self.parts if part != "train")
        return [copy for copy in copies if copy is not None]

    @property
    def fingerprint(self) -> str:
        """A hash of every item's bytes, label and side, in order, and of the bytes of rows without a target.

        The same data, the same fingerprint.
        """
        answers = [as_text(self.items[name]) for name in self.target.columns]
        if self.store.answers:
            answers = [self.store.answers.contents.gather(self.items["row"]).alias("answer")]
        # Not the paths: the same photos in another folder are the same data.
        columns = self.items.select("content", *answers, "split")
        lines = ["\0".join(map(str, row)) for row in columns.iter_rows()]
        # A body may learn from them before their targets are learned.
        lines += self.unlabelled["content"].to_list() if len(self.unlabelled) else []
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def part(self, name: PartName) -> Part:
        """One part by its name.

        Raises:
            ConfigError: If it is not "train", "valid" or "test".
        """
        if name not in PARTS:
            raise ConfigError("Unknown part of the data.", given=repr(name), fix=did_you_mean(str(name), PARTS))
        return Part(self, name, self.items.filter(pl.col("split") == name)).left()

    def lose(self, row: int, reason: str) -> None:
        """Notes that an item can no longer be read.

        Raises:
            DataError: If more than one in a hundred items are lost.
        """
        self.lost[row] = reason
        # A few bad files must not end a night's training; a network folder that has gone must.
        if len(self.lost) > MAX_LOST * len(self.items):
            names = dict(zip(self.items["row"].to_list(), self.input.names(self.items), strict=True))
            shown = [f"{names[row]} ({why})" for row, why in list(self.lost.items())[:3]]
            what = f"{len(self.lost)} of {len(self.items)} items could be read at first and can no longer be read."
            fix = "Check that the disk or network folder is still there, then continue: headway resume RUN."
            raise DataError(what, given=shown, fix=fix)

    def show(self, n: int = 9) -> Figure:
        """A figure of `n` training items, drawn at random (the same each time), as the model sees them.

        Raises:
            ConfigError: If `n` is below 1.
        """
        from headway.system.figures import new_figure

        if n < 1:
            raise ConfigError("`n` must be at least 1.", given=f"n={n}", fix="Leave it out for nine.")
        part = self.train
        positions = generator(0, "order").permutation(len(part))[:n]
        items = part.items[positions.tolist()]
        targets = self.target.view(part.placed_at(positions), self.input)
        columns = min(len(items), max(3, round(len(items) ** 0.5)))
        figure, panels = new_figure(columns=columns, rows=-(-len(items) // columns), width=2.4, height=2.6)
        for axes in panels[len(items) :]:
            axes.remove()
        rows = zip(panels, items.iter_rows(named=True), self.target.values(items), targets, strict=False)
        for axes, row, value, target in rows:
            self.input.draw(axes, self.input.from_row(row))
            self.target.draw(axes, value, target)
            axes.set_axis_off()
        return figure

    def summary(self) -> str:
        """Counts by part and class, what was left out, and the fields, as text for a terminal."""
        labels = self.target.labels if self.target.is_one_class else ()
        counts = {name: Counter(self.target.strata(self.part(name).items)) for name in self.parts}
        width = max([len(label) for label in labels] + [len("class")])
        words = f"{len(labels)} classes" if labels else str(self.target)
        lines = [f"{len(self.items)} items, {words}; split: {self.split.describe(self.target.strata_name)}"]
        lines.append(f"{'class' if labels else 'part':<{width}}" + "".join(f"{name:>8}" for name in self.parts))
        for label in labels:
            lines.append(f"{label:<{width}}" + "".join(f"{counts[name][label]:>8}" for name in self.parts))
        lines.append(f"{'all':<{width}}" + "".join(f"{len(self.part(name)):>8}" for name in self.parts))
        lines += self.input.describe()
        if len(self.problems):
            lines.append(f"left out: {len(self.problems)}, such as: {self.problems['reason'][0]}")
        for copies in self.copies:
            lines += wrap(f"{copies.sentence} {ADVICE}", 100, subsequent_indent="  ", break_on_hyphens=False)
        lines += self.notes
        return "\n".join(lines)

    def rebuild(
        self,
        *,
        split: Split | None = None,
        without: Sequence[str] = (),
        drop: Iterable[int] = (),
        relabel: Mapping[int, str] | None = None,
        columns: pl.DataFrame | None = None,
        near_copies: CopiesChoice = "keep",
    ) -> Data:
        """The same data with other parts, columns or labels, or fewer rows; nothing is read from files again.

        Args:
            split: How to split. Default: the parts stay as they are.
            without: Columns of a table that nothing is learned from; they stay in `items`.
            drop: Items to leave out, by their rows.
            relabel: Other labels, by row.
            columns: Further columns, joined by "row", such as groups that an audit found.
            near_copies: "keep", "move" or "drop", as for `from_folder`.

        Returns:
            A new data set, its fields fitted on its training rows; the rows keep their numbers.

        Raises:
            ConfigError: If a row, a column or an option is not known.
            DataError: If what is left cannot be trained on.

        Example:
            >>> import headway as hw
            >>> items = {"size": range(40), "age": [8, 3, 5, 1] * 10, "code": [0, 1] * 20, "answer": ["no", "yes"] * 20}
            >>> hw.from_items(items, target="answer").rebuild(without=["code"], drop=[3, 4])
            Data(31 train, 7 valid; Table of 1 columns -> 'answer')
        """
        from headway.data.rebuild import rebuild

        options = {"split": split, "without": without, "drop": drop, "relabel": relabel, "columns": columns}
        return rebuild(self, **options, near_copies=near_copies)

    def audit(self, *, name: str = "", seed: int = 0) -> Audit:
        """What is wrong with the data, before a single step of training: see `headway audit`.

        Args:
            name: What the data are called, for the page.
            seed: Of the folds of simple models, and of items drawn where there are many.

        Returns:
            Findings with their evidence and remedies, which `save` writes as a page or as JSON.
        """
        # By name: an audit uses models and reports, which are made of data.
        return import_module("headway.audit.build").audit_data(self, name=name, seed=seed)

    def sheet(self, groups: Sequence[str] = ()) -> str:
        """A data sheet in Markdown, with blanks where only a person knows; it goes into the bundle.

        Args:
            groups: Columns that say to which groups people belong, such as `["sex", "race"]`: they are counted.

        Raises:
            ConfigError: If a column is not known.
        """
        return data_sheet(self, groups=groups)

    def to_json(self) -> dict[str, Any]:
        """What the data set is, as plain JSON values, for reports and bundles."""
        return {
            "items": len(self.items),
            "parts": {name: len(self.part(name)) for name in self.parts},
            "split": self.split.describe(self.target.strata_name),
            "left_out": len(self.problems),
            "fingerprint": self.fingerprint,
            **({"decisions": self.decisions.to_json()} if self.decisions else {}),
            "input": self.input.facts(),
            "target": self.target.to_json(),
        }

    def _repr_html_(self) -> str:
        """What a notebook shows: the summary."""
        return f"<pre>{escape(self.summary())}</pre>"

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(self.part(name))} {name}" for name in self.parts)
        return f"Data({sizes}; {self.input} -> {self.target.column!r})"


@dataclass(frozen=True)
class Part:
    """The rows of one side of the split."""

    data: Data
    name: PartName
    items: pl.DataFrame

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def rows(self) -> np.ndarray:
        """The items' numbers in the source, int64 `[items]`."""
        return self.items["row"].to_numpy().astype(np.int64)

    @cached_property
    def lengths(self) -> np.ndarray | None:
        """How many numbers each item has, int64 `[items]`, of a kind whose items differ in that."""
        stored = self.data.store.canvases
        return stored.shapes[self.rows].prod(axis=1) if isinstance(stored, Ragged) else None

    @cached_property
    def targets(self) -> np.ndarray:
        """The encoded target: for a category class indices, int64 `[items]`, for numbers float32 `[items, outputs]`."""
        return self.data.target.view(self.placed, self.data.input)

    @cached_property
    def placed(self) -> np.ndarray:
        """The same as it goes with `canvases`; another array only where the target lies in a picture."""
        if self.data.store.answers:
            return self.placed_at(np.arange(len(self)))
        # Rows ascend in the items, whatever was filtered out of them.
        return self.data.placed[np.searchsorted(self.data.items["row"].to_numpy(), self.rows)]

    def placed_at(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """`placed` of the items at these positions; where answers are files, only those are read."""
        files = self.data.store.answers
        if files is None:
            return self.placed[positions]
        if files.canvases is None:
            return self.data.target.place(self.items[list(positions)], self.data.input)
        return files.batch(self.rows[positions], self.data.input)

    def canvases(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """The items at these positions as training sees them: for photos uint8 `[batch, side, side, channels]`.

        Raises:
            ReadError: If an item can no longer be read.
        """
        canvases, readable = self.readable(positions)
        if len(readable) < len(positions):
            reasons = {self.data.lost[row] for row in self.rows[positions].tolist() if row in self.data.lost}
            raise ReadError("; ".join(sorted(reasons)))
        return canvases

    def readable(self, positions: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The canvases of those of the items that can be read, and their positions; the others are noted as lost."""
        store, reader = self.data.store, self.data.input
        if store.canvases is not None:
            # What is in the store was read once and cannot be lost.
            return store.batch(self.rows[positions], reader), np.asarray(positions)
        values, canvases, good = self.items[reader.column], [], []
        for position in map(int, positions):
            row = int(self.rows[position])
            try:
                if row not in self.data.lost:
                    canvases.append(reader.canvas(values[position]))
                    good.append(position)
            except ReadError as error:
                self.data.lose(row, str(error))
        return reader.collate(canvases) if good else np.empty(0, reader.dtype), np.array(good, dtype=np.int64)

    def left(self) -> Part:
        """The part without the items that were lost meanwhile."""
        # Asked for in every epoch, and hardly ever is an item lost.
        if not self.data.lost:
            return self
        return Part(self.data, self.name, self.items.filter(~pl.col("row").is_in(list(self.data.lost))))


def part_with_rows(data: Data, name: PartName) -> Part:
    """A part that has rows.

    Raises:
        ConfigError: If there is no such part, or it has none.
    """
    if not isinstance(name, str):
        fix = f"Pass one of {', '.join(data.parts)}. For other items call `predict_many`, or `headway evaluate`."
        raise ConfigError("`part` must be the name of a part.", given=type(name).__name__, fix=fix)
    part = data.part(name)
    if not len(part):
        fix = f"The parts are: {', '.join(data.parts)}."
        raise ConfigError("That part of the data has no rows.", given=repr(name), fix=fix)
    return part
