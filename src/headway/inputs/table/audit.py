"""What an audit asks of a table: columns that tell the answer, that say nothing, and values that miss with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import polars.selectors as cs

from headway.inputs.table.leakage import find_leaks
from headway.inputs.table.screening import screen
from headway.judge.baselines.skill import as_outputs
from headway.judge.diagnosis.finding import DROP, Finding, without_columns
from headway.judge.diagnosis.item_audit import ItemAudit
from headway.judge.diagnosis.personal_data import check_personal_data
from headway.judge.intervals import wilson

if TYPE_CHECKING:
    from headway.inputs.table.field import Table

__all__ = ["TableAudit"]

# Of a column's different texts so many are checked for personal data.
_CHECKED = 5_000
# Columns of rows without a value in nearly all of them say little.
_EMPTY = 0.95
_SHOWN = 8
# Different values that a column of means has at least, how exact they are, and in how many of the rows.
_FEWEST_MEANS, _PRECISE, _MOST_MEANS = 5, 1e-3, 0.95
# A value is far from all others by so many deviations, as it is and by its logarithm: a large price among small ones is
# not.
_FAR, _MOST_FAR, _MOST_ROWS = 7, 0.01, 200
# Other values that a column must have, so that one which stands far from them is no value of its own.
_FEWEST_OTHERS = 20


@dataclass(frozen=True)
class TableAudit(ItemAudit):
    """Rows of a table, column by column."""

    @property
    def _reader(self) -> Table:
        from headway.inputs.table.field import Table

        reader = self.part.data.input
        assert isinstance(reader, Table)
        return reader

    @cached_property
    def _plain(self) -> pl.DataFrame:
        return self._reader.plain(self.part.items)

    def incidental(self) -> Mapping[str, pl.DataFrame]:
        lacking = [name for name in self._plain.columns if self._plain[name].null_count()]
        return {"which values are missing": self._plain.select(pl.col(lacking).is_null())} if lacking else {}

    def contents(self) -> Mapping[str, pl.DataFrame]:
        return {"what the rows say": self._plain.with_columns(cs.temporal().dt.epoch("s"))}

    def findings(self) -> list[Finding]:
        return [*self._leaks(), *self._useless(), *self._personal(), *self._far()]

    def _leaks(self) -> list[Finding]:
        if self.part.data.target.estimator is None:
            return []
        train = (self.part.items["split"] == "train").to_numpy()
        rows, targets = self._plain.filter(train), self.part.targets[train]
        return [*find_leaks(rows.select(screen(rows, targets)), targets), *self._means()]

    def _means(self) -> list[Finding]:
        """Columns that are means of the target over groups, each row's own answer among them."""
        targets = self.part.targets
        if targets.ndim != 1 and targets.shape[1] != 1:
            return []
        answers = as_outputs(targets)
        numbers = [name for name in self._plain.columns if self._plain[name].dtype.is_numeric()]
        means = [name for name in numbers if _is_mean(self._plain[name].cast(pl.Float64).to_numpy(), answers)]
        if not means:
            return []
        named = ", ".join(map(repr, means[:_SHOWN]))
        sentence = (
            f"{named}: the rows that share a value have just this value as the mean of their targets. The answers were "
            "used to compute it, each row's own among them."
        )
        remedies = ("compute such means on training rows alone, without the row's own answer", f"train without {named}")
        return [Finding("leak", "serious", sentence, {"columns": means}, remedies, without_columns(means))]

    def _useless(self) -> list[Finding]:
        plain = self._plain
        reasons = dict(self._reader.left_out)
        for name in plain.columns:
            share = plain[name].null_count() / len(plain)
            if share > _EMPTY:
                reasons[name] = f"empty in {share:.1%} of the rows"
        reasons |= _repeated(plain)
        if not reasons:
            return []
        named = "; ".join(f"{name!r}: {reason}" for name, reason in list(reasons.items())[:_SHOWN])
        more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
        many = "columns say" if len(reasons) > 1 else "column says"
        sentence = f"{len(reasons)} {many} nothing, or nothing new: {named}{more}."
        remedies = ("remove them from the table", "or say how to read them: input=hw.Table(categorical=[...])")
        return [
            Finding("useless_columns", "note", sentence, {"columns": reasons}, remedies, without_columns(list(reasons)))
        ]

    def _personal(self) -> list[Finding]:
        items = self.part.items
        own = {"row", "content", "split"}
        # What is not learned from cannot be repeated by a model.
        unused = set(items.columns) - {*self._reader.columns, *self._reader.left_out, *self.part.data.target.columns}
        texts = [name for name in items.columns if name not in own | unused and items[name].dtype == pl.String]
        # Most columns have none: a few of their different texts say so.
        few = {name: items[name].unique(maintain_order=True).head(_CHECKED).to_list() for name in texts}
        suspects = [finding.evidence["column"] for finding in check_personal_data(few, self.part.rows)]
        return check_personal_data({name: items[name].to_list() for name in suspects}, self.part.rows)

    def _far(self) -> list[Finding]:
        far = {
            name: _far_values(column)
            for name in self._plain.columns
            if (column := self._plain[name]).dtype.is_numeric()
        }
        columns = {name: self._far_column(name, is_far) for name, is_far in far.items() if is_far.any()}
        if not columns:
            return []
        is_far = np.any([far[name] for name in columns], axis=0)
        share = wilson(int(is_far.sum()), len(is_far))
        named = "; ".join(
            f"{name!r} {of['first']:g} in row {of['rows'][0]:,} (others {of['low']:g} to {of['high']:g})"
            for name, of in list(columns.items())[:_SHOWN]
        )
        sentence = f"Values far from all others in {share.value:.1%} of the rows ({int(is_far.sum()):,}): {named}."
        remedies = (
            "look through them: headway clean DATA",
            "correct them, or leave them empty: what is missing is known as missing",
        )
        evidence = {"share": share.to_json(), "columns": columns, "rows": self.part.rows[is_far].tolist()[:_MOST_ROWS]}
        return [Finding("unlike_items", "note", sentence, evidence, remedies, DROP)]

    def _far_column(self, name: str, is_far: np.ndarray) -> dict[str, Any]:
        values = self._plain[name].cast(pl.Float64).to_numpy()
        others = values[~is_far & ~np.isnan(values)]
        rows = self.part.rows[is_far].tolist()[:_MOST_ROWS]
        first = float(values[is_far][0])
        return {"count": int(is_far.sum()), "rows": rows, "first": first, "low": others.min(), "high": others.max()}


def _is_mean(values: np.ndarray, answers: np.ndarray) -> bool:
    """Whether a column's values are the means of an output among the rows that have them, in nearly all rows."""
    known = ~np.isnan(values)
    distinct, groups, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    # Of rows with a value of their own a column that is the target says the same; others find it.
    if len(distinct) < _FEWEST_MEANS or known.mean() < _MOST_MEANS or counts.mean() < 2:
        return False
    sums = np.stack([np.bincount(groups, output[known]) for output in answers.T])
    # Beside the range of the answers: a column of large numbers must not be near to everything.
    is_near = np.abs(sums / counts - distinct) <= _PRECISE * np.ptp(answers, axis=0)[:, None]
    return bool((is_near * counts).sum(axis=1).max() >= _MOST_MEANS * counts.sum())


def _far_values(column: pl.Series) -> np.ndarray:
    """Which of a column's numbers are far from all others and few, or stand for a missing value, bool `[rows]`."""
    values = column.cast(pl.Float64).to_numpy()
    is_known = np.isfinite(values)
    if (is_code := np.isin(values, _codes_of_missing(values[is_known]))).any():
        return is_code
    is_far, present = is_known.copy(), values[is_known]
    for form in (present, np.sign(present) * np.log1p(np.abs(present))):
        low, middle, high = np.quantile(form, (0.16, 0.5, 0.84)) if len(form) else (0.0, 0.0, 0.0)
        # A side without spread, such as the hours of those who all work 40, has no measure of what is far.
        spread = np.where(form < middle, middle - low, high - middle)
        is_far[is_known] &= (spread > 0) & (np.abs(form - middle) > _FAR * spread)
    return is_far if is_far.mean() <= _MOST_FAR else np.zeros_like(is_far)


def _codes_of_missing(values: np.ndarray) -> list[float]:
    """What comes again and again, farther from all other values than these are from one another, such as -999."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) < _FEWEST_OTHERS:
        return []
    ends = ((0, distinct[1] - distinct[0], distinct[1:]), (-1, distinct[-1] - distinct[-2], distinct[:-1]))
    return [float(distinct[end]) for end, gap, others in ends if counts[end] > 2 and gap > np.ptp(others)]


def _repeated(plain: pl.DataFrame) -> dict[str, str]:
    """Columns that are another one again, in the same or in another unit or spelling: which one."""
    first: dict[int, str] = {}
    repeated = {}
    for name in plain.columns:
        column = plain[name]
        # Numbers by their order, text by where it is first seen: an order of text says nothing.
        codes = column.rank("dense") if column.dtype.is_numeric() or column.dtype.is_temporal() else _codes(column)
        key = hash(codes.fill_null(0).to_numpy().tobytes())
        if key in first and column.n_unique() > 1:
            repeated[name] = f"says the same as {first[key]!r}"
        else:
            first.setdefault(key, name)
    return repeated


def _codes(column: pl.Series) -> pl.Series:
    seen = column.unique(maintain_order=True).drop_nulls()
    return column.replace_strict(seen, pl.int_range(1, len(seen) + 1, eager=True), default=None, return_dtype=pl.UInt32)
