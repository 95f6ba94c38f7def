"""One label out of several: the target of classification."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from headway.data.normal_form import normal_text, spellings
from headway.errors import ConfigError, DataError, did_you_mean
from headway.system.pieces import pieces
from headway.targets.base import Prediction, Target, Task, labels_of, listed

if TYPE_CHECKING:
    import polars as pl

    from headway.data.dataset import Data
    from headway.inputs.base import Input
    from headway.judge.diagnosis.finding import Finding
    from headway.judge.diagnosis.item_audit import Unseen
    from headway.judge.learning_curve import LearningCurve
    from headway.judge.report.inputs import ReportInputs
    from headway.judge.report.report import Section

__all__ = ["Category"]

# What tables hold in place of a label that is missing; an empty text is none anyway.
MISSING = ("#N/A", "<NA>", "N/A", "NA", "NULL", "NaN", "n/a", "nan", "null")

# Fewer items than this and a class is not on both sides of a split.
MIN_ITEMS_A_CLASS = 4


@dataclass(frozen=True)
class Category(Target):
    """A column of labels, one an item.

    Args:
        column: The column's name.
        labels: The classes, in the order of the model's outputs. Left empty, they are the sorted labels of the
            training rows. Values of any type are taken as their text, in one form: "disc " is "disc", 0.0 and "0.0" are
            "0". An empty text is no label.
        missing: Texts that stand for no label, unless they are among `labels`.

    Example:
        >>> field = Category("label", labels=("cat", "dog"))
        >>> field.encode(["dog", "cat"]).tolist()
        [1, 0]
        >>> field.decode(np.array([0.25, 0.75])).label
        'dog'
    """

    column: str
    labels: tuple[str, ...] = ()
    _: KW_ONLY
    missing: tuple[str, ...] = MISSING
    kind: ClassVar[str] = "category"
    package: ClassVar[str] = "headway.targets.category"
    task: ClassVar[Task] = "classification"
    has_probabilities: ClassVar[bool] = True
    is_one_class: ClassVar[bool] = True
    runs_in_browser: ClassVar[bool] = True
    axes: ClassVar[tuple[str, ...]] = ("classes",)
    estimator: ClassVar[Literal["classifier", "regressor"] | None] = "classifier"
    options: ClassVar[tuple[str, ...]] = ("missing",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(map(str, self.labels)))
        missing = (self.missing,) if isinstance(self.missing, str) else self.missing
        object.__setattr__(self, "missing", tuple(map(str, missing)))
        if len(set(self.labels)) != len(self.labels):
            raise ConfigError(
                "`labels` must differ from one another.", given=list(self.labels), fix="Name each class once."
            )

    def values(self, items: pl.DataFrame) -> list[str | None]:
        """The labels as text in one form, None where there is none."""
        import polars as pl

        # A class may well be called NA: what the user names as a label is one.
        none = {normal_text(text) for text in self.missing} - {normal_text(label) for label in self.labels}
        column = items[self.column]
        if column.dtype.is_nested() or column.dtype == pl.Object:
            labels = map(normal_text, column.to_list())
            return [None if label in none else label for label in labels]
        # Once for each of them, as there may be millions of items of few classes.
        label_of = {value: None if (label := normal_text(value)) in none else label for value in column.unique()}
        # NaN is none of its keys.
        return [label_of.get(value) for value in column]

    def remarks(self, items: pl.DataFrame) -> list[str]:
        return [*spellings(self.column, items[self.column]), *self._contradictions(items)]

    def _contradictions(self, items: pl.DataFrame) -> list[str]:
        """The sentence on identical items with different labels; none where there are none."""
        import polars as pl

        from headway.data.values import sorted_hashes

        hashes = sorted_hashes(items["content"])
        # Hardly ever are there any, and to look by sorting takes a tenth of the memory.
        twice = hashes[1:][hashes[1:] == hashes[:-1]]
        if not len(twice):
            return []
        items = items.filter(items["content"].hash().is_in(pl.Series(twice).implode()))
        labelled = items.select("content", "row", pl.Series("label", self.values(items), dtype=pl.String))
        mixed = labelled.filter(pl.col("label").n_unique().over("content") > 1)
        if mixed.is_empty():
            return []
        first = mixed.filter(pl.col("content") == mixed["content"][0]).unique(
            "label", keep="first", maintain_order=True
        )
        shown = " and ".join(f"{row} ({label})" for row, label in first.select("row", "label").head(2).iter_rows())
        num_sets = mixed["content"].n_unique()
        sets = "1 set" if num_sets == 1 else f"{num_sets:,} sets"
        return [
            f"{len(mixed):,} items in {sets} of identical ones have different labels in column {self.column!r}, such "
            f"as rows {shown}: at least one of them is wrong."
        ]

    @classmethod
    def recognise(cls, column: str, values: Callable[[], pl.Series], input: Input) -> Self:
        """Any column: the values' texts are the classes."""
        return cls(column)

    def fit(self, rows: pl.DataFrame) -> Self:
        """A copy that knows the classes of `rows`, sorted; labels given by the user are kept."""
        if self.labels:
            return self
        return replace(self, labels=tuple(sorted({value for value in self.values(rows) if value is not None})))

    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """Class indices, int64 `[items]`, from 0 to `num_outputs - 1`; a DataError for a value that is no class."""
        # A label that the user gave may be written in another way, too.
        index = {normal_text(label): i for i, label in enumerate(self.labels)}
        indices = [index.get(normal_text(value) or "", -1) for value in values]
        if -1 in indices:
            unknown = sorted({normal_text(value) or "" for value in values} - index.keys())
            raise DataError(
                f"Column {self.column!r} has labels that are not among the model's classes.",
                given=unknown[:10],
                fix=f"Correct or remove those rows. {did_you_mean(unknown[0], self.labels)}",
            )
        return np.array(indices, dtype=np.int64)

    def check_items(self, items: pl.DataFrame) -> None:
        """There are two classes or more with enough items to be on both sides of a split."""
        counts = self._counts(items)
        if len(counts) < 2:
            raise DataError(
                "The target needs at least two classes.",
                given=f"every item has the label {next(iter(counts), '')!r}",
                fix="Add items of another class.",
            )
        if sum(count >= MIN_ITEMS_A_CLASS for count in counts.values()) < 2:
            self._check_counts(items)

    def check_classes(self, items: pl.DataFrame) -> None:
        """Every class has enough items, and some of them in train and in valid."""
        self._check_counts(items)
        pairs = {pair for rows in pieces(items) for pair in zip(rows["split"], self.values(rows), strict=True)}
        labels = sorted({str(label) for _, label in pairs})
        missing = {part: [label for label in labels if (part, label) not in pairs] for part in ("train", "valid")}
        problems = [f"no item of {', '.join(map(repr, some[:10]))} in {part}" for part, some in missing.items() if some]
        if problems:
            raise DataError(
                "Every class must be in train and in valid, or it can be neither learned nor judged.",
                given="; ".join(problems),
                fix="Add items, or split in another way (RandomSplit keeps every class on both sides).",
            )

    def _counts(self, items: pl.DataFrame) -> Counter[str]:
        """How many items each class has."""
        return Counter(label for rows in pieces(items) for label in self.strata(rows))

    def _check_counts(self, items: pl.DataFrame) -> None:
        counts = self._counts(items)
        few = {label: count for label, count in sorted(counts.items()) if count < MIN_ITEMS_A_CLASS}
        if few:
            rows = [row for row, label in zip(items["row"], self.strata(items), strict=True) if label in few]
            shown = [f"{label!r} has {count}" for label, count in list(few.items())[:10]]
            raise DataError(
                f"Every class needs at least {MIN_ITEMS_A_CLASS} readable items.",
                given=f"{', '.join(shown)} (rows {rows[:10]})",
                fix=f"Add items to those classes, join them with others, or remove them.{_other_kind(counts)}",
            )

    def decode(self, scores: np.ndarray) -> Prediction:
        """The prediction from the probabilities of one item, `[classes]`; equal ones in the order of the labels."""
        return self.decode_many(scores[None])[0]

    def decode_many(self, scores: np.ndarray) -> list[Prediction]:
        # Stable, so that of equal probabilities the first label wins on every machine.
        order = np.argsort(-scores, axis=1, kind="stable")
        ranked = np.take_along_axis(scores, order, axis=1).tolist()
        predictions = []
        for indices, shares in zip(order.tolist(), ranked, strict=True):
            probabilities = dict(zip([self.labels[index] for index in indices], shares, strict=True))
            predictions.append(Prediction(label=self.labels[indices[0]], score=shares[0], probabilities=probabilities))
        return predictions

    def summary(self) -> str:
        return f"Classes: {listed(self.labels)}."

    def question(self, noun: str) -> str:
        return f"What is in the {noun}?"

    def statistics(self, prediction: Prediction) -> dict[str, Any]:
        score = prediction.score
        return {"label": prediction.label, "score": None if score is None else round(score, 5)}

    def sections(self, inputs: ReportInputs) -> dict[str, Section]:
        """Confusion, the items that the model is most wrong about, labels that look wrong, calibration."""
        from headway.targets.category.page import sections

        return sections(inputs)

    def findings(self, inputs: ReportInputs) -> list[Finding]:
        from headway.targets.category.diagnosis.diagnose import find_problems

        return find_problems(inputs)

    def audit(self, data: Data, unseen: Unseen | None) -> list[Finding]:
        from headway.targets.category.audit import audit_labels

        return audit_labels(data, unseen)

    def learning_curve(self) -> Callable[..., LearningCurve]:
        from headway.targets.category.learning_curve import learning_curve

        return partial(learning_curve, num_classes=self.num_outputs)

    @classmethod
    def parse_options(cls, options: Mapping[str, str]) -> dict[str, Any]:
        """The texts of `--missing`, such as "NA,-"; none where it is empty."""
        texts = options.get("missing")
        return {} if texts is None else {"missing": tuple(text.strip() for text in texts.split(",") if text.strip())}

    @classmethod
    def of_arrays(cls, predictions: np.ndarray, targets: np.ndarray, labels: Sequence[str] | None) -> Self:
        return cls("target", labels=labels_of(predictions, labels))


def _other_kind(labels: Iterable[str]) -> str:
    """What labels may be instead, as the end of a message: numbers, or several labels an item."""
    if all(label.lstrip("+-").isdecimal() for label in labels):
        return " For numbers: --kind number (hw.Number)."
    several = [label for label in labels if len(re.split(r"[|;,]", label)) > 1]
    return f" For several labels an item, as in {several[0]!r}: --kind categories (hw.Categories)." if several else ""
