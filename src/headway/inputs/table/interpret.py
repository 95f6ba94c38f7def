"""What a trained model uses of a table's columns: the judge's functions, applied to a model and its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from headway.data.dataset import Data, PartName
from headway.errors import ConfigError, did_you_mean
from headway.inputs.table.column_report import ColumnUse, column_use
from headway.inputs.table.column_values import Predict, draw
from headway.inputs.table.dependence import Dependence, dependence
from headway.inputs.table.field import Table
from headway.inputs.table.importance import Importance, importance
from headway.inputs.table.leakage import find_copies, find_leaks
from headway.inputs.table.redundancy import Redundancy, redundancy
from headway.inputs.table.unusual import Unusual, Usual, usual
from headway.judge.diagnosis.finding import Finding
from headway.judge.metric import TaskMetrics
from headway.seeds import generator
from headway.train.predictions import predict_arrays
from headway.train.stage import Setup

__all__ = ["Interpretation", "predictor"]

_TARGET = "headway: target"
_REPORTED = 2_000
"""Items that a report's importances are of; more would take longer than the rest of it."""


@dataclass(frozen=True)
class Interpretation:
    """What a trained model of a table uses of its columns. Made by `learner.interpret()`.

    Args:
        setup: The model and its data, whose input is a `Table`.
    """

    setup: Setup

    def importance(
        self, part: PartName = "valid", *, together: Sequence[Sequence[str]] = (), permutations: int = 5
    ) -> Importance:
        """How much the model needs each column: what it loses when the column's values are shuffled.

        Args:
            part: Whose rows; not train, of which a model may have learned rows by heart.
            together: Groups of columns that are shuffled as one, such as `redundancy().groups()`.
            permutations: How often each is shuffled, at least 1.

        Raises:
            ConfigError: If the part is not there or has no rows, a column is not there or in two groups, or
                `permutations` is below 1.
        """
        items, targets = _rows(self.setup.data, part)
        return importance(
            predictor(self.setup),
            items,
            targets,
            metrics=self.setup.data.target.metrics(),
            together=together,
            permutations=permutations,
            seed=self.setup.seed,
        )

    def dependence(self, column: str, part: PartName = "valid", *, label: str | None = None) -> Dependence:
        """How the model's answers change with one column while all others stay as they are.

        Args:
            column: The column.
            part: Whose rows.
            label: Of which class; when left out, of two the second, else the first.

        Raises:
            ConfigError: If the part, the column or the label is not there.
            DataError: If the column has no values.
        """
        items, _ = _rows(self.setup.data, part)
        output, answer = _output(self.setup.data, label)
        return dependence(predictor(self.setup), items, column, output=output, answer=answer, seed=self.setup.seed)

    def redundancy(self) -> Redundancy:
        """Which columns say nearly the same, by the training rows.

        Raises:
            ConfigError: If there is one column alone.
        """
        return redundancy(_rows(self.setup.data, "train")[0], seed=self.setup.seed)

    def unusual(self, row: Mapping[str, Any]) -> Unusual:
        """How far a row, its values by column's name, lies outside of the training rows, in words.

        Raises:
            ConfigError: If it is no row.
            DataError: If a value cannot be one of its column.
        """
        if not isinstance(row, Mapping):
            fix = "Pass one row of a frame with `frame.row(0, named=True)`, or write a dict."
            raise ConfigError("`row` must be a dict of values by column.", given=type(row).__name__, fix=fix)
        reader = _table(self.setup.data)
        given = pl.DataFrame({name: pl.Series([row.get(name)], strict=False) for name in reader.columns})
        return self._usual.judge(reader.plain(given).row(0, named=True))

    def leaks(self) -> list[Finding]:
        """Signs that the table gives the answer away, the most severe first."""
        data = self.setup.data
        train, targets = _rows(data, "train")
        found = find_leaks(train, targets, seed=self.setup.seed)
        if len(data.target.columns) == 1:
            [target], columns = data.target.columns, train.columns
            answered = train.with_columns(data.train.items[target].alias(_TARGET))
            for name in data.parts:
                if name != "train":
                    other = _rows(data, name)[0].with_columns(data.part(name).items[target].alias(_TARGET))
                    found += find_copies(answered, other, _TARGET, columns, part=name)
        return sorted(found, key=lambda finding: finding.rank)

    def column_use(self, part: PartName, metrics: TaskMetrics) -> ColumnUse:
        """What a report tells of the columns: importance, dependence on the most important ones, redundancy."""
        items, targets = _rows(self.setup.data, part)
        output, answer = _output(self.setup.data, None)
        drawn = draw(generator(self.setup.seed, "bootstrap"), len(items), _REPORTED)
        return column_use(
            predictor(self.setup),
            items[drawn],
            targets[drawn],
            _rows(self.setup.data, "train")[0],
            part=part,
            metrics=metrics,
            output=output,
            answer=answer,
            seed=self.setup.seed,
        )

    @cached_property
    def _usual(self) -> Usual:
        return usual(_rows(self.setup.data, "train")[0], seed=self.setup.seed)


def predictor(setup: Setup) -> Predict:
    """The model as a function of a table's items."""
    reader = _table(setup.data)
    return lambda items: predict_arrays(setup, reader.read_rows(items))


def _rows(data: Data, name: PartName) -> tuple[pl.DataFrame, np.ndarray]:
    """The columns that go in, as plain values, and the targets."""
    part = data.part(name)
    if not len(part):
        fix = f"The parts are: {', '.join(data.parts)}."
        raise ConfigError("That part of the data has no rows.", given=repr(name), fix=fix)
    return _table(data).plain(part.items), part.targets


def _table(data: Data) -> Table:
    assert isinstance(data.input, Table)
    return data.input


def _output(data: Data, label: str | None) -> tuple[int, str]:
    """Which output is meant, and what it is called: of two classes the second when left out, else the first."""
    labels = list(data.target.labels)
    if not labels:
        if label is not None:
            fix = "Leave `label` out."
            raise ConfigError("A number has no labels.", given=f"label={label!r}", fix=fix)
        return 0, data.target.column
    if label is None:
        label = labels[1 if len(labels) == 2 else 0]
    if label not in labels:
        raise ConfigError("There is no such label.", given=repr(label), fix=did_you_mean(label, labels))
    return labels.index(label), f"probability of {label}"
