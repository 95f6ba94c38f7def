"""What a trained model uses of a table's columns: the judge's functions, applied to a model and its data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from headway.as_json import AsJson
from headway.data.dataset import Data, PartName, part_with_rows
from headway.errors import ConfigError, did_you_mean
from headway.inputs.table.column_values import Predict, draw
from headway.inputs.table.dependence import Dependence, dependence
from headway.inputs.table.field import Table
from headway.inputs.table.importance import Importance, importance
from headway.inputs.table.leakage import find_leaks
from headway.inputs.table.redundancy import Redundancy, redundancy
from headway.inputs.table.screening import screen, screening_note
from headway.judge.diagnosis.finding import Finding
from headway.judge.metric import TaskMetrics
from headway.seeds import generator
from headway.train.predictions import predict_arrays
from headway.train.stage import Setup

__all__ = ["ColumnUse", "Interpretation"]

# Items that a report's importances are of; more would take longer than the rest of it.
_REPORTED = 2_000
# Columns whose dependence a report shows.
_NUM_CURVES = 4


@dataclass(frozen=True, kw_only=True)
class ColumnUse(AsJson):
    """What a model uses of a table's columns, as a report tells it: measured on `part`, of the columns needed most.

    Of a wide table `note` says which of its columns were checked; otherwise it is empty.
    """

    part: str
    importance: Importance
    dependences: tuple[Dependence, ...]
    redundancy: Redundancy | None
    note: str = ""


@dataclass(frozen=True)
class Interpretation:
    """What a trained model of a table uses of its columns. Made by `learner.interpret()`.

    Of a table with more than 100 columns those are checked that each explain most of the target: `columns`.
    """

    setup: Setup

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that are checked for importance, redundancy and leaks, chosen on training rows."""
        return screen(*self._rows("train"), seed=self.setup.seed)

    @property
    def note(self) -> str:
        """Which columns are checked, in words; empty where all are."""
        return screening_note(len(self.columns), len(self._table.columns))

    def importance(
        self, part: PartName = "valid", *, together: Sequence[Sequence[str]] = (), permutations: int = 5
    ) -> Importance:
        """How much the model needs each column: what it loses when the column's values are shuffled.

        Args:
            part: Whose rows; not train, of which a model may have learned rows by heart.
            together: Groups of columns that are shuffled as one, such as `redundancy().groups()`. Columns that are
                named here are always checked.
            permutations: How often each is shuffled, at least 1.
        """
        items, targets = self._rows(part)
        options = {"together": together, "permutations": permutations, "columns": self.columns}
        metrics, seed = self.setup.data.target.metrics(), self.setup.seed
        return importance(self.predict, items, targets, metrics=metrics, seed=seed, **options)

    def dependence(self, column: str, part: PartName = "valid", *, label: str | None = None) -> Dependence:
        """How the model's answers change with one column while all others stay as they are.

        Args:
            column: The column.
            part: Whose rows.
            label: Of which class; when left out, of two the second, else the first.
        """
        items, _ = self._rows(part)
        output, answer = _output(self.setup.data, label)
        return dependence(self.predict, items, column, output=output, answer=answer, seed=self.setup.seed)

    def redundancy(self) -> Redundancy:
        """Which columns say nearly the same, by the training rows; ConfigError if there is one column alone."""
        return redundancy(self._rows("train")[0].select(self.columns), seed=self.setup.seed)

    def leaks(self) -> list[Finding]:
        """Signs that the table gives the answer away, the most severe first."""
        items, targets = self._rows("train")
        findings = find_leaks(items.select(self.columns), targets, seed=self.setup.seed)
        return sorted(findings, key=lambda finding: finding.rank)

    def column_use(self, part: PartName, metrics: TaskMetrics) -> ColumnUse:
        """What a report tells of the columns: importance, dependence on the most important ones, redundancy."""
        items, targets = self._rows(part)
        drawn = draw(generator(self.setup.seed, "bootstrap"), len(items), _REPORTED)
        items, targets = items[drawn], targets[drawn]
        output, answer = _output(self.setup.data, None)
        options = {"metrics": metrics, "columns": self.columns, "seed": self.setup.seed}
        needed = importance(self.predict, items, targets, **options)
        # A curve of a column that the model does not use would be flat, and look like a finding.
        names = [column.name for column in needed.columns if column.is_used and items[column.name].drop_nulls().len()]
        curves = tuple(
            dependence(self.predict, items, name, output=output, answer=answer, seed=self.setup.seed)
            for name in names[:_NUM_CURVES]
        )
        associations = self.redundancy() if len(items.columns) > 1 else None
        return ColumnUse(part=part, importance=needed, dependences=curves, redundancy=associations, note=self.note)

    @property
    def predict(self) -> Predict:
        """The model as a function of a table's items."""
        return lambda items: predict_arrays(self.setup, self._table.read_rows(items))

    @property
    def _table(self) -> Table:
        assert isinstance(self.setup.data.input, Table)
        return self.setup.data.input

    def _rows(self, name: PartName) -> tuple[pl.DataFrame, np.ndarray]:
        """The columns that go in, as plain values, and the targets."""
        part = part_with_rows(self.setup.data, name)
        return self._table.plain(part.items), part.targets


def _output(data: Data, label: str | None) -> tuple[int, str]:
    """Which output is meant, and what it is called: of two classes the second when left out, else the first."""
    labels = list(data.target.labels)
    if not labels:
        if label is not None:
            raise ConfigError("A number has no labels.", given=f"label={label!r}", fix="Leave `label` out.")
        return 0, data.target.column
    if label is None:
        label = labels[1 if len(labels) == 2 else 0]
    if label not in labels:
        raise ConfigError("Unknown label.", given=repr(label), fix=did_you_mean(label, labels))
    return labels.index(label), f"probability of {label}"
