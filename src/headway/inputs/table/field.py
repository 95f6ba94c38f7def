"""A row of a table: several columns read together, as one array of numbers and category indices."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import numpy as np

from headway.data.sources import column_names, frame_columns
from headway.errors import ConfigError, DataError, ReadError, did_you_mean
from headway.inputs.base import learned
from headway.inputs.table.columns import CategoryColumn, DateColumn, FittedColumn, NumberColumn, column_from_json
from headway.inputs.table.infer_types import Kind, guess_column
from headway.inputs.table.parse_values import MIN_BINS
from headway.inputs.table.row_input import RowInput, row_mapping
from headway.targets.base import Target

if TYPE_CHECKING:
    import polars as pl

    from headway.data.dataset import Part, PartName
    from headway.judge.baselines.base import Baseline
    from headway.judge.diagnosis.finding import Finding
    from headway.judge.diagnosis.item_audit import ItemAudit
    from headway.judge.report.report import Report, Section
    from headway.train.model import Model
    from headway.train.stage import Setup

__all__ = ["Table"]

# Quantiles that tell a column's numbers apart, at most: see `Scale`; how they were chosen is in `docs/tables.md`.
_MAX_BINS = 128
_ALL_BINS = 4_096
# Columns of a kind that a summary names.
_SHOWN = 100
_RESERVED = {"row", "content", "split"}
_COLUMNS: dict[Kind, type[FittedColumn]] = {
    "continuous": NumberColumn,
    "categorical": CategoryColumn,
    "dates": DateColumn,
}
_CALLED: dict[Kind, str] = {"continuous": "numbers", "categorical": "categories", "dates": "dates"}


@dataclass(frozen=True)
class Table(RowInput[FittedColumn]):
    """The columns of a table that go into the model.

    A row becomes one array: first the numbers, scaled, then the category indices, 0 for what training did not have.
    Missing numbers are the training rows' median, with an index that says so; missing categories are a category of
    their own. Text is stripped of blanks; an empty one and "?" are missing. Whatever a row holds that training did not
    is read all the same, and told by `notes`. A row is a dict, or what is like one, such as a Series of pandas: columns
    that it lacks are missing, others than the model's are passed over.

    Args:
        continuous: Columns of numbers.
        categorical: Columns of categories; values of any type are taken as their text.
        dates: Columns of dates, or of text such as "2024-02-29" or "2024-02-29T12:30".
            Where none are named in any of the three, all of the table's columns are used and their kinds guessed.

    Attributes:
        left_out: Columns that were not taken, and why; found by `bind`.
        fitted: What was learned of each column; found by `fit`.

    Raises:
        ConfigError: If a column is named twice.

    Example:
        >>> import polars as pl
        >>> people = pl.DataFrame({"age": [20, 30, None, 40], "job": ["cook", "cook", "smith", "smith"]})
        >>> field = Table(continuous=["age"], categorical=["job"]).fit(people)
        >>> field.features
        ('age', 'age missing', 'job')
        >>> field.read({"age": 30, "job": "smith"}).tolist()
        [0.0, 0.0, 2.0]
        >>> field.notes({"age": 30, "job": "pilot"})
        ("'job' is 'pilot', which training had too rarely or never",)
    """

    _: KW_ONLY
    continuous: Sequence[str] = ()
    categorical: Sequence[str] = ()
    dates: Sequence[str] = ()
    left_out: Mapping[str, str] = field(default_factory=dict, init=False)
    fitted: tuple[FittedColumn, ...] = field(default=(), init=False, repr=False)
    column: str = field(default="table", init=False, repr=False)

    def __post_init__(self) -> None:
        for kind in _COLUMNS:
            names = getattr(self, kind)
            object.__setattr__(self, kind, (names,) if isinstance(names, str) else tuple(names))
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            what = "A column can be named once: as numbers, as categories or as dates."
            raise ConfigError(what, given=twice, fix="Name each column in one of the lists.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that go in."""
        return (*self.continuous, *self.categorical, *self.dates)

    @property
    def num_bins(self) -> int:
        """Quantiles that tell a column's numbers apart, at most."""
        # Of many columns each gets fewer: a batch's bins must fit into memory, and their edges into a bundle.
        return min(max(_ALL_BINS // max(len(self.continuous), 1), MIN_BINS), _MAX_BINS)

    @property
    def edges(self) -> tuple[tuple[float, ...], ...]:
        """For each of the numbers, where the training rows' values lie: rising, two or more."""
        return tuple(scale.edges for column in self.fitted for scale in column.numbers.values())

    @classmethod
    def recognise(cls, columns: Sequence[str], items: Callable[[], pl.DataFrame], *, size: int) -> Self | None:
        """The rows themselves, where no column is named."""
        return None if columns else cls()

    def bind(self, items: pl.DataFrame, target: Target) -> Self:
        """A copy that has chosen its columns, where none were named: all but the target's, their kinds guessed.

        Raises:
            ConfigError: If the target is among those that were named.
            DataError: If no column is left.
        """
        shared = sorted(set(self.columns) & set(target.columns))
        if shared:
            what = "A column cannot be both input and target."
            raise ConfigError(what, given=shared, fix="Leave it out of Table.")
        if self.columns:
            return self
        chosen: dict[Kind, list[str]] = {kind: [] for kind in _COLUMNS}
        left_out: dict[str, str] = {}
        for name in items.columns:
            if name in target.columns or name in _RESERVED:
                continue
            kind, reason = guess_column(items[name])
            if kind is None:
                left_out[name] = reason
            else:
                chosen[kind].append(name)
        if not any(chosen.values()):
            given = [f"{name}: {reason}" for name, reason in left_out.items()][:10] or "no column but the target's"
            what = "The table has no column to learn from."
            fix = (
                "Pass a column of texts or files as the input (--input), or name columns with Table(continuous=[...])."
            )
            if target.task == "regression":
                from headway.inputs.past.windows import forecast_hint

                fix = next(iter(forecast_hint(items, target.column)), fix)
            raise DataError(what, given=given, fix=fix)
        return learned(replace(self, **chosen), left_out=left_out)

    @classmethod
    def from_arrays(
        cls, items: Any, *, size: int | None, channels: Literal["first", "last"] | None
    ) -> tuple[dict[str, Any], Self] | None:
        if hasattr(items, "columns"):
            return frame_columns(items), cls()
        array = np.asarray(items)
        if array.ndim != 2:
            return None
        # numpy has no missing value of its own, so NaN, which is unlike itself, stands for one.
        columns = ([None if value != value else value for value in column] for column in array.T.tolist())
        return {f"x{number}": column for number, column in enumerate(columns)}, cls()

    def without(self, columns: Sequence[str]) -> Self:
        names = {kind: [name for name in getattr(self, kind) if name not in columns] for kind in _COLUMNS}
        if not any(names.values()):
            what = "The table has no column left to learn from."
            raise ConfigError(what, given=f"without {', '.join(columns)}", fix="Leave fewer columns out.")
        left_out = {name: why for name, why in self.left_out.items() if name not in columns}
        return learned(replace(self, **names), left_out=left_out)

    def fit(self, rows: pl.DataFrame) -> Self:
        return self._fit(rows.get_column)

    def fit_train(self, items: pl.DataFrame) -> Self:
        # A column at a time: a copy of the training rows would take nearly as much memory as the table.
        is_train = items["split"] == "train"
        return self._fit(lambda name: items[name].filter(is_train))

    def _fit(self, values: Callable[[str], pl.Series]) -> Self:
        fitted = [
            _COLUMNS[kind].fit(name, values(name), bins=self.num_bins)
            for kind in _COLUMNS
            for name in getattr(self, kind)
        ]
        return learned(self, fitted=tuple(fitted))

    def names(self, items: pl.DataFrame) -> list[str]:
        """The rows' numbers, from 0."""
        rows = items["row"].to_list() if "row" in items.columns else range(len(items))
        return [f"row {row}" for row in rows]

    def each(self, items: Any) -> Iterable[Any]:
        """The rows of a polars or pandas frame, or of a dict of columns, one by one; anything else as it is.

        Raises:
            DataError: If it has columns, and none of the model's.
        """
        columns = column_names(items)
        if columns and self.fitted and self.places.keys().isdisjoint(columns):
            what, given = "The table has none of the columns that the model reads.", ", ".join(columns[:10])
            raise DataError(
                what, given=f"columns: {given}", fix=f"Name them as in training: {', '.join(self.columns[:10])}."
            )
        if hasattr(items, "iter_rows"):
            return items.iter_rows(named=True)
        if hasattr(items, "to_dict") and hasattr(items, "columns"):
            return items.to_dict("records")
        if isinstance(items, Mapping):
            return (dict(zip(items, values, strict=True)) for values in zip(*items.values(), strict=True))
        return items

    def plain(self, items: pl.DataFrame) -> pl.DataFrame:
        """The columns that go in, their values as they are meant: numbers, text or moments, null where one is missing.

        Raises:
            DataError: If a column holds what it cannot, such as text among numbers.
        """
        return items.select(column.plain(items[column.name]) for column in self.fitted)

    @property
    def runs_in_browser(self) -> bool:
        return True

    tries: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "underfitting": ("more informative columns",),
        "confused_pair": ("columns in which the two classes differ",),
    }

    def baselines(self, target: Target) -> dict[str, Baseline]:
        from headway.inputs.table.baselines import BASELINES

        return BASELINES[target.estimator] if target.estimator else {}

    def baseline_arrays(self, part: Part, *, seed: int) -> tuple[Part, dict[str, np.ndarray], dict[str, Any]]:
        """What `simple_rows` gives, as "table", which of its columns are "categorical", and their "names"."""
        part = part.left()
        table, categorical = self.simple_rows(part.items)
        return part, {"table": table}, {"categorical": categorical, "names": self._owners()}

    def _owners(self) -> tuple[str, ...]:
        """The user's column that each column of `simple_rows` comes from."""
        owners = {}
        for column in self.fitted:
            places = self.places[column.name]
            owners |= dict.fromkeys(places[:1] if isinstance(column, NumberColumn) else places, column.name)
        return tuple(owners[place] for place in sorted(owners))

    def simple_rows(self, items: pl.DataFrame) -> tuple[np.ndarray, tuple[int, ...]]:
        """All rows as simple models take them, and which of their places hold category indices.

        Returns:
            Float64 `[rows, places]`, as `read_rows` gives them, but with numbers in their own unit, NaN where one is
            missing, and without the indices that say so.
        """
        array = self.read_rows(items).astype(np.float64)
        is_taken = np.ones(len(self.features), dtype=bool)
        for column in self.fitted:
            if isinstance(column, NumberColumn):
                number, *missing = self.places[column.name]
                array[:, number] = column.plain(items[column.name]).fill_null(np.nan).to_numpy()
                # Trees and imputers take NaN itself; a column that repeats it would be counted twice.
                is_taken[missing] = False
        return array[:, is_taken], tuple(range(len(self.numbers), int(is_taken.sum())))

    most_compared: ClassVar[int] = 200_000

    def near_copies(self, part: Part) -> Sequence[tuple[int, int]]:
        from headway.inputs.table.near_copies import find_copies

        return find_copies(self.plain(part.items))

    def audit(self, part: Part) -> ItemAudit:
        from headway.inputs.table.audit import TableAudit

        return TableAudit(part)

    def explorers(self, setup: Setup) -> dict[str, Any]:
        from headway.inputs.table.interpret import Interpretation

        return {"interpret": Interpretation(setup)}

    def is_far(self, arrays: np.ndarray) -> np.ndarray:
        """Which rows have a number or date far outside of the training range, or a category that is new.

        A new category counts where at most one training row in 1,000 had a category of its own.
        """
        low, high, complete = self._far
        numbers = arrays[:, : len(self.numbers)]
        return ((numbers < low) | (numbers > high)).any(axis=1) | (arrays[:, complete] == 0).any(axis=1)

    @cached_property
    def _far(self) -> tuple[np.ndarray, np.ndarray, list[int]]:
        limits = [scale.limits for column in self.fitted for scale in column.numbers.values()]
        low, high = np.array(limits, dtype=np.float32).reshape(-1, 2).T
        # Only where training had nearly all categories does a new one mean that the row is unlike the others.
        complete = [column for column in self.fitted if isinstance(column, CategoryColumn) and column.is_complete]
        return low, high, [self.places[column.name][0] for column in complete]

    def checked_columns(self, setup: Setup) -> Sequence[str]:
        """Of more than 100 columns those that each explain most of the target."""
        from headway.inputs.table.interpret import Interpretation

        return Interpretation(setup).columns

    def report_sections(self, setup: Setup, report: Report) -> dict[str, Section]:
        """What the model uses of the columns, as "columns"."""
        from headway.inputs.table.interpret import Interpretation
        from headway.inputs.table.page import uses
        from headway.judge.report.report import Section

        column_use = Interpretation(setup).column_use(cast("PartName", report.focus_part), report.known)
        return {"columns": Section("What the model uses", column_use, uses, note=column_use.note)}

    def findings(self, setup: Setup) -> list[Finding]:
        from headway.inputs.table.interpret import Interpretation

        return Interpretation(setup).leaks()

    def describe(self) -> list[str]:
        """Which columns go in as what, and which do not and why, a line each."""
        sizes = {column.name: len(column.values) for column in self.fitted if isinstance(column, CategoryColumn)}
        lines = [f"in:  a row of {len(self.columns)} columns"]
        for kind, called in _CALLED.items():
            names = [f"{name} ({sizes[name]})" if name in sizes else name for name in getattr(self, kind)]
            lines += [f"     {called}: {', '.join(_first(names))}"] if names else []
        left_out = [f"{name or repr('')} ({reason})" for name, reason in self.left_out.items()]
        return lines + [f"     left out: {line}" for line in _first(left_out)]

    @classmethod
    def architectures(cls) -> list[str]:
        from headway.inputs.table.models import ARCHITECTURE

        return [ARCHITECTURE]

    def build_model(self, arch: str | None, target: Target, *, pretrained: bool) -> Model:
        from headway.inputs.table.models import build

        return build(arch, self, target)

    def to_json(self) -> dict[str, Any]:
        columns = [column.to_json() for column in self.fitted]
        return {"kind": "table", "columns": columns, "left_out": dict(self.left_out)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        fitted = tuple(map(column_from_json, values["columns"]))
        named = {kind: [column.name for column in fitted if type(column) is of] for kind, of in _COLUMNS.items()}
        left_out = {str(name): str(reason) for name, reason in values["left_out"].items()}
        return learned(cls(**named), left_out=left_out, fitted=fitted)

    def __str__(self) -> str:
        return f"Table of {len(self.columns)} columns"

    def _values(self, value: Any) -> list[Any]:
        row = row_mapping(value)
        if row is None:
            return self._values_in_order(value)
        if self.places.keys().isdisjoint(row):
            given = ", ".join(map(str, list(row)[:5])) or "nothing"
            message = f"a row has none of the model's columns: {given}. {did_you_mean(given, self.columns)}"
            raise ReadError(message)
        return [row.get(column.name) for column in self.fitted]

    def _values_in_order(self, value: Any) -> list[Any]:
        """Of a row without names, which an array's columns had not either when the model was trained."""
        names = [column.name for column in self.fitted]
        if not all(re.fullmatch(r"x\d+", name) for name in names):
            message = f"a row must be a dict of columns and values, not {type(value).__name__}"
            raise ReadError(message)
        values = np.asarray(value)
        width = 1 + max(int(name[1:]) for name in (*names, *self.left_out))
        if values.shape != (width,):
            message = f"a row must have {width} values, not the shape {list(values.shape)}"
            raise ReadError(message)
        return [values[int(name[1:])].item() for name in names]


def _first(lines: list[str]) -> list[str]:
    """The first of many, and how many more there are."""
    return lines if len(lines) <= _SHOWN else [*lines[:_SHOWN], f"{len(lines) - _SHOWN:,} more"]
