"""What an audit asks of series: how long they are, what is missing in them, and which never change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from headway.judge.diagnosis.finding import DROP, Finding, Severity
from headway.judge.diagnosis.item_audit import ItemAudit
from headway.judge.intervals import wilson

if TYPE_CHECKING:
    from headway.inputs.series.field import Series

__all__ = ["SeriesAudit"]

_MANY, _SHOWN = 0.01, 200


@dataclass(frozen=True)
class SeriesAudit(ItemAudit):
    """Series, by their moments."""

    usual: ClassVar[frozenset[str]] = frozenset({"the length of the series"})

    @property
    def _reader(self) -> Series:
        from headway.inputs.series.field import Series

        reader = self.part.data.input
        assert isinstance(reader, Series)
        return reader

    @cached_property
    def _looks(self) -> pl.DataFrame:
        """Of each series its length, and how much its numbers differ."""
        rows = [(numbers.shape[1], float(numbers.std())) for numbers in self._reader.numbers(self.part.items)]
        return pl.DataFrame(rows, schema={"length": pl.Int64, "spread": pl.Float64}, orient="row")

    def _missing(self) -> pl.DataFrame:
        """The share of each series' moments that has no number."""
        columns = self.part.items.select(self._reader.columns)
        lists = [
            pl.col(name).list.drop_nulls().list.len() for name in columns.columns if columns[name].dtype == pl.List
        ]
        if lists:
            whole = [pl.col(name).list.len() for name in columns.columns if columns[name].dtype == pl.List]
            return columns.select((1 - pl.sum_horizontal(lists) / pl.sum_horizontal(whole)).alias("missing"))
        return columns.select(pl.mean_horizontal(pl.all().is_null().cast(pl.Float64)).alias("missing"))

    def incidental(self) -> Mapping[str, pl.DataFrame]:
        return {
            "the length of the series": self._looks.select("length"),
            "which moments are missing": self._missing(),
        }

    def findings(self) -> list[Finding]:
        is_flat = (self._looks["spread"] == 0).to_numpy()
        if not is_flat.any():
            return []
        share, count = wilson(int(is_flat.sum()), len(is_flat)), int(is_flat.sum())
        severity: Severity = "warning" if share.low > _MANY else "note"
        sentence = f"The same number at every moment: {count:,} of {len(is_flat):,} series ({share.value:.1%})."
        evidence = {"how": "flat", "share": share.to_json(), "rows": self.part.rows[is_flat].tolist()[:_SHOWN]}
        remedies = ("look through them, and drop those that say nothing: headway clean DATA",)
        return [Finding("poor_items", severity, sentence, evidence, remedies, replace(DROP, solves=count <= _SHOWN))]
