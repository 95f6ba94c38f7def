"""A column of the item table as groups of items: what slices are made of.

| column | its groups |
|---|---|
| text, categories, true and false | its values; beyond 12 the largest 11, and the rest together |
| numbers with few values | its values |
| numbers with many values | fifths, by quantiles |
| dates and times | the shortest of hour, day, month, quarter and year of which 12 cover all |

Items without a value are a group of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from headway.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MISSING", "OTHERS", "Groups", "group_items", "group_rows"]

MISSING = "(missing)"
OTHERS = "(others)"
# As many rows as a table in a report has room for, and a month's name each for a year.
_MOST = 12
# In days; the shortest that there are of each.
_PERIODS = {"1h": 1 / 24, "1d": 1, "1mo": 28, "1q": 90, "1y": 365}
_QUANTILES = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class Groups:
    """The items of a table, each in one group by its `index`, int64 `[items]`; no group is empty.

    Names of numbers and dates are in their order, others the largest first.
    """

    names: tuple[str, ...]
    index: np.ndarray


def group_items(items: pl.DataFrame, column: str) -> Groups:
    """Group items by a column; there are no groups where the table has no rows.

    Raises:
        ConfigError: If there is no such column, or its values (lists, structs, bytes) cannot be grouped.

    Example:
        >>> import polars as pl
        >>> groups = group_items(pl.DataFrame({"site": ["north", "south", None, "north"]}), "site")
        >>> groups.names, groups.index.tolist()
        (('north', 'south', '(missing)'), [0, 1, 2, 0])
    """
    import polars as pl

    if column not in items.columns:
        fix = did_you_mean(column, items.columns)
        raise ConfigError("The items have no such column.", given=f"column {column!r}", fix=fix)
    series = items[column]
    kind = series.dtype
    if kind in (pl.Date, pl.Datetime):
        return _by_period(series)
    # The date left aside, it is the hours of the day that differ.
    if kind == pl.Time:
        return _by_number(series.dt.hour())
    if kind == pl.Duration:
        return _by_number(series.dt.total_seconds())
    if kind.is_numeric():
        return _by_number(series)
    if kind in (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Null):
        return _by_value(series.cast(pl.String))
    raise ConfigError(
        "Items cannot be grouped by this column.",
        given=f"column {column!r} of type {kind}",
        fix="Choose a column of text, numbers, dates or true and false.",
    )


def group_rows(groups: Groups) -> Iterator[tuple[int, np.ndarray]]:
    """Each group and its rows, in order."""
    order = np.argsort(groups.index, kind="stable")
    ends = np.cumsum(np.bincount(groups.index, minlength=len(groups.names)))
    yield from enumerate(np.split(order, ends[:-1]))


def _by_value(series: pl.Series) -> Groups:
    import polars as pl

    counts = series.drop_nulls().value_counts(name="_items").sort("_items", series.name, descending=[True, False])
    values = counts[series.name].to_list()
    # A place is left for all others together.
    named = values if len(values) <= _MOST else values[: _MOST - 1]
    codes = series.replace_strict(named, list(range(len(named))), default=len(named), return_dtype=pl.Int64)
    index = np.where(series.is_null().to_numpy(), len(named) + 1, codes.fill_null(len(named) + 1).to_numpy())
    return _numbered([value or '""' for value in named] + [OTHERS, MISSING], index)


def _by_number(series: pl.Series) -> Groups:
    import polars as pl

    # Missing twice over: null of polars, and NaN of whoever made the table.
    values = series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    if len(distinct) > _MOST:
        # Without interpolation, so that each edge is a value which ends its group.
        edges = np.unique(np.quantile(known, _QUANTILES, method="inverted_cdf"))
        edges = np.append(edges[edges < distinct[-1]], distinct[-1])
    else:
        edges = distinct
    index = np.where(np.isnan(values), len(edges), np.searchsorted(edges, values))
    starts = distinct[np.r_[0, np.searchsorted(distinct, edges[:-1]) + 1]] if len(edges) else edges
    return _numbered([*_ranges(starts.tolist(), edges.tolist()), MISSING], index)


def _by_period(series: pl.Series) -> Groups:
    import polars as pl

    series = series.cast(pl.Datetime("us")) if series.dtype == pl.Date else series
    first, last = series.min(), series.max()
    span = (last - first).total_seconds() / 86400 if isinstance(first, datetime) and isinstance(last, datetime) else 0.0
    # The finest that has few enough groups.
    period = next((name for name, days in _PERIODS.items() if span <= (_MOST - 1) * days), None)
    if period is None:
        return _by_number(series.dt.year())
    starts = series.dt.truncate(period)
    distinct = starts.drop_nulls().unique().sort()
    codes = starts.rank("dense").cast(pl.Int64).fill_null(len(distinct) + 1).to_numpy() - 1
    return _numbered([*(_period_name(start, period) for start in distinct.to_list()), MISSING], codes)


def _period_name(start: datetime, period: str) -> str:
    if period == "1q":
        return f"{start.year} Q{(start.month + 2) // 3}"
    return start.strftime({"1h": "%Y-%m-%d %H:00", "1d": "%Y-%m-%d", "1mo": "%Y-%m", "1y": "%Y"}[period])


def _ranges(starts: Sequence[float], ends: Sequence[float]) -> list[str]:
    """A name for each range, with no more digits than it takes to tell their ends apart."""
    values = sorted({*starts, *ends})
    for digits in (3, 4, 6, 9, 17):
        shown = {value: _number(value, digits) for value in values}
        if len(set(shown.values())) == len(values):
            break
    return [
        shown[start] if start == end else f"{shown[start]} to {shown[end]}"
        for start, end in zip(starts, ends, strict=True)
    ]


def _number(value: float, digits: int) -> str:
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.{digits}g}"


def _numbered(names: Sequence[str], index: np.ndarray) -> Groups:
    """Groups without those that are empty."""
    used = np.bincount(index, minlength=len(names)) > 0
    number = np.cumsum(used) - 1
    return Groups(tuple(name for name, here in zip(names, used.tolist(), strict=True) if here), number[index])
