"""Who rated what: two columns of names, read together as two indices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from headway.errors import ConfigError, ReadError
from headway.inputs.base import learned
from headway.inputs.protocols import Column
from headway.inputs.table.columns import CategoryColumn
from headway.inputs.table.parse_values import frequencies, texts_of
from headway.inputs.table.row_input import RowInput, row_mapping
from headway.targets.base import Target
from headway.targets.number.field import Number

if TYPE_CHECKING:
    import polars as pl

    from headway.data.dataset import Part
    from headway.judge.baselines.base import Baseline
    from headway.train.model import Model

__all__ = ["MAX_CHOICES", "Ratings"]

# So many users, and items, a form offers at most: those with the most ratings.
MAX_CHOICES = 2_000


@dataclass(frozen=True)
class Ratings(RowInput[CategoryColumn]):
    """A user and an item, such as a reader and a book: the input of models that predict ratings.

    Names may be of any type and are taken as their text, so that 7 and "7" are one. Each that the training rows have is
    an index from 1 on, those with the most ratings first. Index 0 is for all that they do not have: such a user or item
    gets the answer for an average one, and the prediction is not `familiar`. A pair is a dict with both columns, or the
    user and the item alone.

    Args:
        user: The column that says who rated.
        item: The column that says what was rated.

    Attributes:
        fitted: The users and the items of the training rows; found by `fit`.
        num_ratings: How many training rows there were; found by `fit`.

    Raises:
        ConfigError: If both are the same column.

    Example:
        >>> import polars as pl
        >>> field = Ratings("reader", "book").fit(pl.DataFrame({"reader": ["Ann", "Bob", "Ann"], "book": [1984, 7, 7]}))
        >>> field.users, field.items
        (('Ann', 'Bob'), ('7', '1984'))
        >>> field.read({"reader": "Bob", "book": 7}).tolist(), field.read(("Zoe", "1984")).tolist()
        ([2.0, 1.0], [0.0, 2.0])
    """

    user: str
    item: str
    fitted: tuple[CategoryColumn, ...] = field(default=(), init=False, repr=False)
    num_ratings: int = field(default=0, init=False, repr=False)
    column: str = field(default="ratings", init=False, repr=False)
    target_is_number: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.user == self.item:
            what = "Users and items must be two columns."
            given = f"user={self.user!r}, item={self.item!r}"
            raise ConfigError(what, given=given, fix='Pass both, such as Ratings("user", "item").')

    @property
    def columns(self) -> tuple[str, ...]:
        """The two columns, the user's first."""
        return (self.user, self.item)

    @property
    def users(self) -> tuple[str, ...]:
        """The users of the training rows in the order of their indices, from 1 on."""
        return self.fitted[0].values if self.fitted else ()

    @property
    def items(self) -> tuple[str, ...]:
        """The items of the training rows in the order of their indices, from 1 on."""
        return self.fitted[1].values if self.fitted else ()

    @classmethod
    def recognise(cls, columns: Sequence[str], items: Callable[[], pl.DataFrame], *, size: int) -> Self | None:
        """Any two columns."""
        return cls(*columns) if len(columns) == 2 else None

    def bind(self, items: pl.DataFrame, target: Target) -> Self:
        """The field itself, where the target is one number that is not among its columns.

        Raises:
            ConfigError: If it is not.
        """
        if not isinstance(target, Number) or set(target.columns) & set(self.columns):
            what = "Ratings needs a target of one number, in a separate column."
            given = f"{type(target).__name__}({target.column!r}) with Ratings({self.user!r}, {self.item!r})"
            fix = 'Pass target=Number("rating", low=1, high=5) or the like.'
            raise ConfigError(what, given=given, fix=fix)
        return self

    def fit(self, rows: pl.DataFrame) -> Self:
        # Unlike a table's categories: of names even those with one rating, and all of them.
        names = {column: tuple(text for text, _ in frequencies(texts_of(rows[column]))) for column in self.columns}
        fitted = tuple(CategoryColumn(name=column, values=values) for column, values in names.items())
        return learned(self, fitted=fitted, num_ratings=len(rows))

    def names(self, items: pl.DataFrame) -> list[str]:
        """User and item of each row."""
        return [f"{user}, {item}" for user, item in items.select(self.columns).iter_rows()]

    def same_items(self, items: pl.DataFrame) -> list[str]:
        """User and item: a pair that is rated twice is one item."""
        pairs = zip(*(texts_of(items[column]) for column in self.columns), strict=True)
        return ["\0".join(map(str, pair)) for pair in pairs]

    def remarks(self, items: pl.DataFrame) -> list[str]:
        again = sum(count > 1 for count in Counter(self.same_items(items)).values())
        if not again:
            return []
        pairs = "1 pair" if again == 1 else f"{again:,} pairs"
        return [
            f"{pairs} of {self.user!r} and {self.item!r} rated more than once: all ratings of a pair are on one side "
            "of the split."
        ]

    def baselines(self, target: Target) -> dict[str, Baseline]:
        from headway.inputs.ratings.baselines import BASELINES

        return BASELINES

    def baseline_arrays(self, part: Part, *, seed: int) -> tuple[Part, dict[str, np.ndarray], dict[str, Any]]:
        """Both indices of every item, int64 `[items, 2]`, as "pairs"."""
        part = part.left()
        return part, {"pairs": self.read_rows(part.items).astype(np.int64)}, {}

    def explorers(self, setup: Any) -> dict[str, Any]:
        from headway.inputs.ratings.recommender import Recommender

        return {"recommender": Recommender(setup)}

    def familiar(self, arrays: np.ndarray) -> np.ndarray:
        """Whether the training rows had both of each pair, bool `[batch]`."""
        return np.all(arrays > 0, axis=1)

    def form(self) -> tuple[Column, ...]:
        """Both columns, each with the `MAX_CHOICES` names that have the most ratings."""
        return tuple(replace(column, choices=column.choices[:MAX_CHOICES]) for column in super().form())

    def describe(self) -> list[str]:
        sizes = f"{len(self.users)} in {self.user!r}, {len(self.items)} in {self.item!r}"
        return [f"in:  who rated what: {sizes}"]

    @classmethod
    def architectures(cls) -> list[str]:
        from headway.inputs.ratings.models import ARCHITECTURES

        return list(ARCHITECTURES)

    def build_model(self, arch: str | None, target: Target, *, pretrained: bool) -> Model:
        from headway.inputs.ratings.models import build

        return build(arch, self)

    def to_json(self) -> dict[str, Any]:
        columns = [column.to_json() for column in self.fitted]
        return {"kind": "ratings", "columns": columns, "num_ratings": self.num_ratings}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        user, item = map(CategoryColumn.from_json, values["columns"])
        return learned(cls(user.name, item.name), fitted=(user, item), num_ratings=int(values["num_ratings"]))

    def __str__(self) -> str:
        return f"Ratings({self.user!r}, {self.item!r})"

    def _values(self, value: Any) -> Sequence[Any]:
        """The user and the item."""
        row = row_mapping(value)
        if row is not None and all(name in row for name in self.columns):
            return [row[name] for name in self.columns]
        if isinstance(value, (tuple, list)) and len(value) == len(self.columns):
            return value
        message = f"not a pair: expected a dict with {self.user!r} and {self.item!r}, or (user, item)"
        raise ReadError(message)
