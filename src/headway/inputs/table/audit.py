"""What an audit asks of a table: columns that tell the answer, that say nothing, and values that miss with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import polars.selectors as cs

from headway.inputs.table.infer_types import ODD, odd_rows
from headway.inputs.table.leakage import find_leaks
from headway.inputs.table.screening import screen
from headway.inputs.table.units import OtherUnit, find_unit
from headway.judge.baselines.skill import as_outputs
from headway.judge.diagnosis.far_values import far_values
from headway.judge.diagnosis.finding import DROP, LOOK, Finding, Line, without_columns
from headway.judge.diagnosis.item_audit import ItemAudit
from headway.judge.diagnosis.personal_data import check_personal_data
from headway.judge.diagnosis.spellings import usual_spellings
from headway.judge.intervals import wilson

if TYPE_CHECKING:
    from headway.inputs.table.field import Table

__all__ = ["TableAudit"]

# Of a column's different texts so many are checked for personal data.
_CHECKED = 5_000
# Columns of rows without a value in nearly all of them say little.
_EMPTY = 0.95
_SHOWN = 8
# Different values of a column, and rows of a class, from which on one value for the whole class is strange.
_FEWEST_OTHERS = 20
# Different values that a column of means has at least, how exact they are, and in how many of the rows.
_FEWEST_MEANS, _PRECISE, _MOST_MEANS = 5, 1e-3, 0.95
_MOST_ROWS = 200


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
        return [
            *self._leaks(),
            *self._useless(),
            *self._personal(),
            *self._odd(),
            *self._far(),
            *self._units(),
            *self._spellings(),
        ]

    def _leaks(self) -> list[Finding]:
        if self.part.data.target.estimator is None:
            return []
        train = (self.part.items["split"] == "train").to_numpy()
        rows, targets = self._plain.filter(train), self.part.targets[train]
        return [*find_leaks(rows.select(screen(rows, targets)), targets), *self._means(), *self._filled()]

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

    def _filled(self) -> list[Finding]:
        """Columns that have one and the same value wherever the class is one, and many values elsewhere."""
        target, targets = self.part.data.target, self.part.targets
        if not target.is_one_class:
            return []
        filled = {}
        for name in self._plain.columns:
            if not self._plain[name].dtype.is_numeric():
                continue
            values = self._plain[name].cast(pl.Float64).to_numpy()
            distinct = np.unique(values[~np.isnan(values)])
            for label in range(len(target.labels)):
                own, others = values[targets == label], values[targets != label]
                # The least and the greatest value are honest ends, such as 0.
                if len(own) < _FEWEST_OTHERS or len(distinct) < _FEWEST_OTHERS or own[0] in (distinct[0], distinct[-1]):
                    continue
                if (own == own[0]).all() and (others == own[0]).mean() <= 0.5:
                    filled[name] = f"is {own[0]:g} in all {len(own):,} rows of {target.labels[label]!r}"
        if not filled:
            return []
        named = "; ".join(f"{name!r} {words}" for name, words in list(filled.items())[:_SHOWN])
        sentence = f"One value for a whole class, and many for others: {named}."
        remedies = ("ask who filled the value in, and whether it is known before the answer is",)
        return [
            Finding("leak", "warning", sentence, {"columns": list(filled)}, remedies, without_columns(list(filled)))
        ]

    def _useless(self) -> list[Finding]:
        plain = self._plain
        odd = self._odd_rows
        reasons = {name: reason for name, reason in self._reader.left_out.items() if name not in odd}
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

    @cached_property
    def _odd_rows(self) -> dict[str, np.ndarray]:
        """Columns that would be of numbers or of dates but for a few rows, and these rows' positions.

        None of these rows is left where they have no answer, or were dropped.
        """
        items = self.part.items
        odd = {name: odd_rows(items[name]) for name in self._reader.left_out if name in items.columns}
        of_numbers = [
            name for name, rows in odd.items() if not len(rows) and self._reader.left_out[name].startswith(ODD)
        ]
        return {name: rows for name, rows in odd.items() if len(rows) or name in of_numbers}

    def _odd(self) -> list[Finding]:
        odd, items = self._odd_rows, self.part.items
        if not odd:
            return []
        counts = Counter(row for rows in odd.values() for row in rows.tolist())
        named = "; ".join(
            f"{name!r}: {items[name][int(rows[0])]!r} in row {self.part.rows[rows[0]]:,}"
            + (f" and {len(rows) - 1:,} more" if len(rows) > 1 else "")
            if len(rows)
            else f"{name!r}: {self._reader.left_out[name].partition(';')[0]}"
            for name, rows in list(odd.items())[:_SHOWN]
        )
        sentence = f"Columns that nothing is learned from, as a few of their values are of another form: {named}."
        several = sum(count > 1 for count in counts.values())
        if several > len(counts) / 2:
            sentence += (
                f" In {several:,} rows it is several columns at once: their values may stand in the wrong columns."
            )
        remedies = (
            "correct these values in the table, or leave them empty: then the column is learned from",
            "look through them: headway clean DATA",
        )
        evidence = {"columns": list(odd), "rows": self.part.rows[sorted(counts)].tolist()[:_MOST_ROWS]}
        return [Finding("odd_values", "warning", sentence, evidence, remedies, LOOK)]

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
            name: far_values(column.cast(pl.Float64).to_numpy())
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

    def _units(self) -> list[Finding]:
        findings = []
        for name in self._plain.columns:
            if not self._plain[name].dtype.is_numeric():
                continue
            values = self._plain[name].cast(pl.Float64).to_numpy()
            if (unit := find_unit(values)) is not None:
                findings.append(self._unit(name, values, unit))
        return findings

    def _spellings(self) -> list[Finding]:
        """Categories that are written in several ways."""
        alike = {}
        for name in self._reader.categorical:
            texts = self.part.items[name]
            if texts.dtype == pl.String and (
                usual := usual_spellings(texts.drop_nulls().value_counts().rows(), slips=True)
            ):
                alike[name] = usual
        if not alike:
            return []
        named = "; ".join(
            f"{name!r}: " + ", ".join(f"{one!r} and {usual!r}" for one, usual in list(of.items())[:3])
            for name, of in list(alike.items())[:_SHOWN]
        )
        sentence = f"Categories that are written in several ways, and count as different ones: {named}."
        rows = pl.any_horizontal(pl.col(name).is_in(list(of)) for name, of in alike.items())
        evidence = {"columns": alike, "rows": self.part.items.filter(rows)["row"].to_list()[:_MOST_ROWS]}
        columns = ", ".join(f"data.items[{name!r}].replace({of})" for name, of in alike.items())
        line = Line(python=f"data = data.rebuild(columns=data.items[['row']].with_columns({columns}))", solves=True)
        return [Finding("spellings", "note", sentence, evidence, ("write each in one way",), line)]

    def _unit(self, name: str, values: np.ndarray, unit: OtherUnit) -> Finding:
        is_other = values <= unit.limit if unit.is_lower else values > unit.limit
        own, others = values[is_other], values[~is_other & ~np.isnan(values)]
        share = wilson(len(own), len(own) + len(others))
        sentence = (
            f"A part of {name!r} seems to be in another unit ({unit.name}): {len(own):,} of the numbers "
            f"({share.value:.1%}) are {own.min():g} to {own.max():g}, the others {others.min():g} to {others.max():g}. "
            "Converted, they are as the others are."
        )
        remedies = ("ask who recorded them, and convert them", "or leave them out")
        evidence = {"column": name, "share": share.to_json(), "rows": self.part.rows[is_other].tolist()[:_MOST_ROWS]}
        evidence |= {"units": unit.name, "factor": unit.factor, "offset": unit.offset}
        form = "{0} * {1.factor!r} + {1.offset!r}" if unit.is_lower else "({0} - {1.offset!r}) / {1.factor!r}"
        sign = "<=" if unit.is_lower else ">"
        column = f"data.items[{name!r}]"
        python = (
            f"data = data.rebuild(columns=data.items[['row']].with_columns({column}.zip_with("
            f"~({column} {sign} {unit.limit!r}), {form.format(column, unit)})))"
        )
        return Finding("mixed_units", "warning", sentence, evidence, remedies, Line(python=python, solves=True))


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
    # Of nearly all values, too: in most rows of a column a 0 can be near to the share of a rare class.
    return bool(
        np.any(
            ((is_near * counts).sum(axis=1) >= _MOST_MEANS * counts.sum())
            & (is_near.sum(axis=1) >= _MOST_MEANS * len(distinct))
        )
    )


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
