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
    "Limits",
    "check_choice",
    "copies_of_train",
    "nearest_copies",
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


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much may be left of an item where another is laid over it, as a share of it, for the two to be copies.

    Between `surely` and `most` it depends on how alike other items are, so that all are judged by the same rule: beats
    of a heart are more alike than gestures, digits more than photos.

    Attributes:
        most: Never more than this.
        alike: As much as this even where other items are as alike.
        surely: Less than this is always a copy.
        of_others: The share of what is left between other items and their second nearest.
        of_next: The share of what is left between the item and its own second nearest.
    """

    most: float
    alike: float
    surely: float
    of_others: float
    of_next: float


def nearest_copies(pairs: np.ndarray, left: np.ndarray, limits: Limits) -> list[tuple[int, int]]:
    """Of each item the nearest one, where it is so much nearer than others that the two are copies.

    Args:
        pairs: Items and those that are compared with them, by their positions, int64 `[pairs, 2]`.
        left: What is left of the second where the first is laid over it, float64 `[pairs]`, from 0 to 1.
        limits: When the two are copies.

    Returns:
        Pairs of positions, the lower one first, in ascending order.

    Example:
        >>> limits = Limits(most=0.05, alike=0.007, surely=0.002, of_others=0.25, of_next=0.5)
        >>> nearest_copies(np.array([[0, 1], [0, 2], [1, 2]]), np.array([0.001, 0.4, 0.4]), limits)
        [(0, 1)]

    Source:
        The second nearest as a measure of the nearest: Lowe 2004, "Distinctive image features from scale-invariant
        keypoints".
    """
    if not len(pairs):
        return []
    order = np.lexsort((left, pairs[:, 0]))
    pairs, left = pairs[order], left[order]
    first = np.unique(pairs[:, 0], return_index=True)[1]
    has_next = np.diff(np.append(first, len(pairs))) > 1
    following = np.where(has_next, left[np.minimum(first + 1, len(left) - 1)], 1.0)
    limit = np.clip(limits.of_others * np.quantile(following, 0.05), limits.alike, limits.most)
    nearest = left[first]
    is_copy = (nearest < limits.surely) | ((nearest < limit) & (nearest < limits.of_next * following))
    return list(map(tuple, np.unique(np.sort(pairs[first[is_copy]], axis=1), axis=0).tolist()))


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
