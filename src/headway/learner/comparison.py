"""Two runs beside one another, on the items that both of them may be judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import polars as pl

from headway.as_json import AsJson
from headway.data.dataset import PartName
from headway.errors import ConfigError
from headway.judge.intervals import Estimate
from headway.judge.significance import compare_numbers, compare_right, format_p

if TYPE_CHECKING:
    from headway.learner.learner import Learner

__all__ = ["RunComparison", "compare_runs"]


@dataclass(frozen=True, kw_only=True)
class RunComparison(AsJson):
    """How far two runs are apart.

    Attributes:
        metric: The main metric of the first.
        num_items: Items that both were judged by.
        left_out: Items of the part that only one of the runs has there, or with another answer.
        first: The first run's metric on these items; its interval is in its own report.
        second: The second run's.
        difference: The second minus the first, in points where the metric is a share.
        p: Of the test that there is none.
    """

    json_also: ClassVar[tuple[str, ...]] = ("sentence",)

    part: str
    metric: str
    num_items: int
    left_out: int
    first: float
    second: float
    difference: Estimate
    p: float
    unit: str

    @property
    def sentence(self) -> str:
        """The same in words."""
        gap = self.difference.format(1 if self.unit else self.difference.digits, sign=True, unit=self.unit)
        said = (
            f"On {self.num_items:,} items of {self.part} that both runs have with the same answer, the {self.metric} "
        )
        said += f"is {self.first:.4g} and {self.second:.4g}: {gap}, {format_p(self.p)}."
        return said + (f" {self.left_out:,} items were left out." if self.left_out else "")


def compare_runs(first: Learner, second: Learner, *, part: PartName = "valid") -> RunComparison:
    """The second run beside the first on the items of a part that both have there, with the same answer.

    What decisions changed between the two is left out: there each would be judged by another measure.

    Raises:
        ConfigError: If the runs predict something else, or have no such items in common.
    """
    if first.data.target.to_json() != second.data.target.to_json():
        what, fix = "The runs do not predict the same thing.", "Compare runs with the same target and the same classes."
        raise ConfigError(what, given=f"{first.data.target} and {second.data.target}", fix=fix)
    pairs, total = _shared(first, second, part)
    if not len(pairs):
        what = "The runs have no items in common to be judged by."
        raise ConfigError(what, given=f"part {part!r}", fix="Compare runs of the same data, split with the same seed.")
    metrics = first.data.target.metrics()
    answers = [learner.predictions(part) for learner in (first, second)]
    positions = [
        np.searchsorted(one.rows, pairs[name]) for one, name in zip(answers, ("row", "row_right"), strict=True)
    ]
    picked = [(one.predictions[at], one.targets[at]) for one, at in zip(answers, positions, strict=True)]
    parts = [metrics.by_item(*one) for one in picked]
    is_right = metrics.is_share and all(set(np.unique(one)) <= {0.0, 1.0} for one in parts)
    compared = (compare_right if is_right else compare_numbers)(parts[1], parts[0], seed=first.seed)
    gap = compared.difference.scaled(100 if metrics.is_share else 1)
    scores = [metrics.score(*one) for one in picked]
    return RunComparison(
        part=part,
        metric=metrics.title,
        num_items=len(pairs),
        left_out=total - len(pairs),
        first=scores[0],
        second=scores[1],
        difference=gap,
        p=compared.p,
        unit=metrics.unit,
    )


def _shared(first: Learner, second: Learner, part: PartName) -> tuple[pl.DataFrame, int]:
    """The rows of the items that both runs have in a part with one answer, by pairs; and how many either has there."""
    tables = []
    for learner in (first, second):
        items, target = learner.data.part(part).items, learner.data.target
        answers = pl.concat_str(pl.col(target.columns).cast(pl.String).fill_null(""), separator="\0").alias("answer")
        # Of items with one content the first, second ... of both belong together.
        copies = pl.int_range(pl.len()).over("content").alias("copy")
        tables.append(items.select("row", "content", answers).with_columns(copies))
    pairs = tables[0].join(tables[1], on=["content", "copy", "answer"], how="inner").sort("row")
    return pairs, len(tables[0]) + len(tables[1]) - len(tables[0].join(tables[1], on=["content", "copy"], how="inner"))
