"""Items that are nearly the same although their bytes differ, and on which sides of the split they are.

A model that has learned an item knows its copies: judged by them, it looks better than it is (Barz and Denzler 2020,
arXiv:1902.00423, found copies of training photos in a tenth of CIFAR-100's test photos). What is nearly the same, only
the kind of input knows (`Input.near_copies`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from headway.data.splits import PartName
from headway.data.values import as_text
from headway.errors import ConfigError, did_you_mean

__all__ = [
    "ADVICE",
    "Copies",
    "CopiesChoice",
    "check_choice",
    "copies_of_train",
    "same_content",
]

CopiesChoice = Literal["keep", "move", "drop"]
_CHOICES = ("keep", "move", "drop")
SHOWN = 3
ADVICE = 'near_copies="move" (--near-copies move) brings them to one side of the split.'


@dataclass(frozen=True)
class Copies:
    """The items of a part that are nearly the same as a training item.

    Attributes:
        rows: The items, each with a training item that it is nearly the same as, by their rows.
        names: The first of these pairs as a person calls them.
        total: Items in the part.
        num_same: How many of the copies have the training item's target; None where targets are files.
        by_chance: How often two items drawn at random have the same target.
    """

    part: PartName
    rows: Sequence[tuple[int, int]]
    names: Sequence[tuple[str, str]]
    total: int
    num_same: int | None
    by_chance: float

    @property
    def sentence(self) -> str:
        """How many there are, and some of them."""
        shown = "; ".join(f"{own} and {train}" for own, train in self.names)
        are = "are copies or near-copies" if len(self.rows) > 1 else "is a copy or near-copy"
        such_as = ", such as" if len(self.rows) > len(self.names) else ":"
        return (
            f"{len(self.rows):,} of {self.total:,} items of {self.part} ({len(self.rows) / self.total:.1%}) {are} "
            f"of a training item{such_as} {shown}."
        )


def check_choice(near_copies: CopiesChoice) -> CopiesChoice:
    """What is to be done with near-copies, or a ConfigError if it is not known."""
    if near_copies not in _CHOICES:
        fix = did_you_mean(str(near_copies), _CHOICES)
        raise ConfigError("`near_copies` must be one of keep, move, drop.", given=repr(near_copies), fix=fix)
    return near_copies


def same_content(items: pl.DataFrame, pairs: Sequence[tuple[int, int]]) -> pl.Series:
    """For each item the content that stands for it and all that are nearly the same: the least of theirs."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, count = items["row"].to_numpy(), len(items)
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    # Rows ascend, and some of the pairs' may be in no part.
    first, second = np.searchsorted(rows, both[np.isin(both, rows).all(axis=1)]).T
    # A copy of a copy is one of the first, too, even where those two are too far apart to be a pair.
    groups = connected_components(coo_array((np.ones(len(first)), (first, second)), shape=(count, count)))[1]
    table = pl.DataFrame({"content": items["content"], "group": groups})
    return table.select(pl.col("content").min().over("group"))["content"]


def copies_of_train(
    items: pl.DataFrame,
    part: PartName,
    *,
    pairs: Sequence[tuple[int, int]],
    names: Sequence[str],
    targets: Sequence[str] | None,
) -> Copies | None:
    """The items of a part that are nearly the same as a training item; None where there are none.

    `names` are what a person calls the items; `targets` the columns of their targets, None where those are files.
    """
    same = same_content(items, pairs)
    values = pl.struct([as_text(items[name]) for name in targets]) if targets else pl.lit(None)
    shown = items.select("row", "split", values.alias("target"))
    shown = shown.with_columns(same.alias("same"), pl.Series("name", names))
    train, own = (shown.filter(pl.col("split") == name) for name in ("train", part))
    # One training item for each: several would count an item of the part more than once.
    copies = own.join(train.unique("same", keep="first", maintain_order=True), on="same", maintain_order="left")
    if not len(copies):
        return None
    # So often two items agree that are no copies: only more than that speaks for a leak of the answer.
    shares = train["target"].value_counts()["count"] / len(train)
    return Copies(
        part=part,
        rows=list(copies.select("row", "row_right").iter_rows()),
        names=[(_short(one), _short(other)) for one, other in copies.select("name", "name_right").head(SHOWN).rows()],
        total=len(own),
        num_same=int((copies["target"] == copies["target_right"]).sum()) if targets else None,
        by_chance=float((shares**2).sum()),
    )


def _short(name: str) -> str:
    """The end of a path, by which a person knows it."""
    return "/".join(name.replace("\\", "/").split("/")[-2:])
