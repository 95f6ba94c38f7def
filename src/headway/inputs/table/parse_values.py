"""What a table's values mean, one by one and as columns, and numbers brought to one scale."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from headway.as_json import AsJson
from headway.data.normal_form import normal_text
from headway.data.parse_numbers import NO_NUMBER, number_of
from headway.errors import DataError
from headway.system.pieces import pieces

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MIN_BINS", "Scale", "date_of", "frequencies", "moments_of", "numbers_of", "shown", "text_of", "texts_of"]

# Quantiles of a column's numbers, and of its distinct numbers, where nobody asks for more.
MIN_BINS = 32
# What scaled numbers come near to and never reach.
LIMIT = 3.0
# The largest scaled number of float32 that is not the limit itself.
_BELOW_LIMIT = float(np.nextafter(np.float32(LIMIT), np.float32(0)))
# Beyond it nothing changes in float32; the square of a much larger number is infinite.
_FAR = 1e6
_LARGEST = 1e300


def text_of(value: Any) -> str | None:
    """A value as a category's name, in its normal form; None where it is missing.

    Example:
        >>> [text_of(value) for value in (" Private", "?", 3.0, True, float("nan"))]
        ['Private', None, '3', 'true', None]
    """
    text = normal_text(value)
    return None if text == "?" else text


def date_of(value: Any) -> datetime | None:
    """A value as a moment, in UTC where it names a zone; None where it is missing; ValueError if it is no date.

    Example:
        >>> date_of("2024-02-29"), date_of("?")
        (datetime.datetime(2024, 2, 29, 0, 0), None)
    """
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if isinstance(value, (str, float, np.floating)) or value is None:
        text = text_of(value)
        if text is None or text.lower() in NO_NUMBER:
            return None
        value = datetime.fromisoformat(text)
    if str(value) in ("NaT", "<NA>"):
        return None
    if isinstance(value, datetime):
        moment = datetime(*value.timetuple()[:6], value.microsecond, tzinfo=value.tzinfo)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    raise ValueError(value)


def numbers_of(name: str, values: pl.Series) -> np.ndarray:
    """A column's numbers, float64 `[rows]`, NaN where there is none; DataError if a value is not a number."""
    import polars as pl

    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        numbers = values.cast(pl.Float64).fill_null(math.nan).to_numpy()
        is_finite = np.isfinite(numbers)
        return numbers if is_finite.all() else np.where(is_finite, numbers, math.nan)
    by_value = _by_value(name, values, number_of, "numbers")
    return np.array([math.nan if number is None else number for number in by_value], dtype=np.float64)


def moments_of(name: str, values: pl.Series) -> list[datetime | None]:
    """A column's dates; DataError if a value is not a date."""
    return _by_value(name, values, date_of, "dates such as 2024-02-29")


def texts_of(values: pl.Series) -> pl.Series:
    """A column's categories, null where there is none."""
    import polars as pl

    if values.dtype in (pl.Object, pl.List, pl.Struct):
        return pl.Series([text_of(value) for value in values.to_list()], dtype=pl.String)
    distinct = values.unique().drop_nulls()
    texts = pl.Series([text_of(value) for value in distinct.to_list()], dtype=pl.String)
    return values.replace_strict(distinct, texts, default=None, return_dtype=pl.String)


def frequencies(values: pl.Series) -> list[tuple[Any, int]]:
    """The different values and how often each occurs, the most frequent first, nulls left out."""
    counts = values.drop_nulls().value_counts(sort=False).rows()
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))


def _by_value(name: str, values: pl.Series, of: Callable[[Any], Any], what: str) -> list[Any]:
    """A function of each value, called once for each distinct one."""
    # A list cannot be looked up; its text can, and is no value either.
    plain = [str(value) for value in values] if values.dtype.is_nested() else values.to_list()
    results: dict[Any, Any] = {}
    wrong: list[str] = []
    for value in plain:
        if value not in results:
            try:
                results[value] = of(value)
            except (ValueError, OverflowError):
                results[value] = None
                wrong.append(shown(value))
    if wrong:
        fix = "Correct those rows, or take the column as categories (categorical=[...])."
        raise DataError(f"Column {name!r} must hold {what}.", given=wrong[:10], fix=fix)
    return [results[value] for value in plain]


def shown(value: Any) -> str:
    """A value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


@dataclass(frozen=True)
class Scale(AsJson):
    """Numbers brought to one scale: zero at the median, one at the quartiles' distance, beyond that ever flatter.

    Args:
        median: Of the training rows.
        width: Distance between their quartiles, above 0; where that is 0, half of their range.
        edges: Quantiles of what becomes of the training rows, of all of them and of their distinct values: rising,
            two or more, for a model that tells numbers apart by where they lie.

    Source:
        Robust scaling and smooth clipping: Holzmüller et al. 2024, arXiv:2407.04491, section 3.1. Quantiles for
        piecewise-linear encoding: Gorishniy et al. 2022, arXiv:2203.05556, section 3.2; those of the distinct values
        are ours, since a column that is mostly 0 has next to no others.
    """

    median: float
    width: float
    edges: tuple[float, ...]

    @classmethod
    def fit(cls, numbers: np.ndarray, *, bins: int = MIN_BINS) -> Self:
        """From numbers without NaN, float64 `[rows]`, and how many quantiles of each kind there are at most."""
        if not len(numbers):
            return cls(0.0, 1.0, (0.0, 1.0))
        # The distance between larger ones would be infinite.
        ordered = np.clip(numbers, -_LARGEST, _LARGEST)
        lowest, low, median, high, highest = np.quantile(ordered, (0, 0.25, 0.5, 0.75, 1), overwrite_input=True)
        bare = cls(float(median), float((high - low) or (highest - lowest) / 2 or 1.0), ())
        # Of a long column each copy counts.
        scaled, shares = ordered, np.linspace(0, 1, bins + 1)
        for part, piece in zip(pieces(scaled), pieces(numbers), strict=True):
            part[:] = bare(piece)
        scaled.sort()
        is_new = np.append(True, scaled[1:] != scaled[:-1])
        distinct = scaled if is_new.all() else scaled[is_new]
        points = np.concatenate([np.quantile(each, shares, overwrite_input=True) for each in (scaled, distinct)])
        # As decimals of float32, which the model has them in: half as long in a bundle as float64's.
        edges = [float(str(edge)) for edge in np.unique(points.astype(np.float32))]
        return cls(bare.median, bare.width, tuple(edges) if len(edges) > 1 else (edges[0], edges[0] + 1))

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        """Scaled, between -3 and 3; the median where they are NaN."""
        # The largest numbers may become infinite, and are clipped like all that are far.
        with np.errstate(over="ignore"):
            scaled = np.clip((np.nan_to_num(numbers, nan=self.median) - self.median) / self.width, -_FAR, _FAR)
        return scaled / np.sqrt(1 + np.square(scaled / LIMIT))

    def one(self, number: float) -> float:
        """The same for one number, in a hundredth of the time."""
        if number != number:
            return 0.0
        scaled = min(max((number - self.median) / self.width, -_FAR), _FAR)
        return scaled / math.sqrt(1 + (scaled / LIMIT) ** 2)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The scaled numbers beyond which one is far outside of the training rows' range.

        As far again from the outermost training row as this is from the median, measured on a scale that is logarithmic
        beyond the quartiles (the inverse hyperbolic sine): heavy tails reach far, light ones do not.
        """
        return -_limit(-self.edges[0]), _limit(self.edges[-1])

    def is_far(self, number: float) -> bool:
        """Whether a number is far outside of the training rows' range; not where it is NaN."""
        low, high = self.limits
        # In float32, as the model has it.
        return not low <= float(np.float32(self.one(number))) <= high

    @property
    def range(self) -> tuple[float, float]:
        """The training rows' lowest and highest number."""
        low, high = (self.median + self.width * _unscaled(edge) for edge in (self.edges[0], self.edges[-1]))
        return low, high

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What `to_json` wrote; ValueError if the numbers cannot be a scale, since a bundle may be a stranger's."""
        edges = tuple(map(float, values["edges"]))
        scale = cls(float(values["median"]), float(values["width"]), edges)
        rises = len(edges) > 1 and all(low < high for low, high in itertools.pairwise(edges))
        if not (rises and scale.width > 0 and all(map(math.isfinite, (scale.median, scale.width, *edges)))):
            message = "a column's scale must have finite numbers, a width above 0 and rising edges"
            raise ValueError(message)
        return scale


def _unscaled(scaled: float) -> float:
    """Of a scaled number its distance from the median, in distances between the quartiles."""
    scaled = min(max(scaled, -_BELOW_LIMIT), _BELOW_LIMIT)
    return scaled / math.sqrt(1 - (scaled / LIMIT) ** 2)


def _limit(edge: float) -> float:
    """The scaled number from which on one is far outside, by the training rows' outermost; both on the same side."""
    if edge > _BELOW_LIMIT:
        return math.inf
    reach = math.asinh(max(_unscaled(edge), 0.0))
    far = min(math.sinh(min(reach + max(reach, math.asinh(1.0)), 20.0)), _FAR)
    return min(float(np.float32(far / math.sqrt(1 + (far / LIMIT) ** 2))), _BELOW_LIMIT)
