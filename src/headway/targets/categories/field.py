"""Several labels an item, or none: the target of multi-label classification."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from headway.data.normal_form import normal_text
from headway.errors import ConfigError, DataError, did_you_mean
from headway.targets.base import Prediction, Target, Task, is_blank, labels_of, listed

if TYPE_CHECKING:
    import polars as pl

    from headway.judge.metric import TaskMetrics

__all__ = ["Categories", "best_threshold"]

# Items that share a set of labels, below which a split lumps them together with others as rare.
MIN_IN_STRATUM = 10

NO_LABELS = "(none)"

# What may stand between labels besides a blank, those first that are least often part of one.
MARKS = ("|", ";", ",")


@dataclass(frozen=True)
class Categories(Target):
    """A column of labels, any number an item: text with a separator between them, or lists.

    An item without labels (null, or empty) has none of them, and is learned from like the others.

    Args:
        column: The column's name.
        sep: What stands between labels in a text; blanks around a label do not count. Left out, it is recognised in the
            items: "|", ";" or "," where they are usual, else a blank. A list such as "['cat', 'dog']" needs none.
        labels: The labels, in the order of the model's outputs. Left empty, they are the sorted labels of the training
            rows. Labels of any type are taken as their text.
        thresholds: The probability from which each label is given, between 0 and 1. Left empty, they are chosen on
            training rows that the model did not learn from, and 0.5 where there are none.

    Raises:
        ConfigError: If `labels` repeat, `sep` is empty, or `thresholds` do not go with `labels`.

    Example:
        >>> field = Categories("tags", labels=("cat", "dog", "indoors"))
        >>> field.encode(["cat indoors", ["dog"], ""]).tolist()
        [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
        >>> prediction = field.decode(np.array([0.75, 0.25, 0.875]))
        >>> prediction.label, prediction.value
        ('indoors cat', ('indoors', 'cat'))
    """

    column: str
    _: KW_ONLY
    sep: str | None = None
    labels: tuple[str, ...] = ()
    thresholds: tuple[float, ...] = ()
    kind: ClassVar[str] = "categories"
    package: ClassVar[str] = "headway.targets.categories"
    task: ClassVar[Task] = "multilabel"
    has_probabilities: ClassVar[bool] = True
    strata_name: ClassVar[str] = "labels"
    value_type: ClassVar[Any] = list[str]
    runs_in_browser: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ("label_separator",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(map(str, self.labels)))
        problems = []
        if len(set(self.labels)) != len(self.labels):
            problems.append("`labels` must differ from one another.")
        if self.sep == "":
            problems.append("`sep` must not be empty.")
        if self.thresholds and len(self.thresholds) != len(self.labels):
            problems.append("`thresholds` must be as many as `labels`.")
        if not all(0 <= threshold <= 1 for threshold in self.thresholds):
            problems.append("`thresholds` must lie between 0 and 1.")
        if problems:
            given = f"sep={self.sep!r}, labels={list(self.labels)}, thresholds={list(self.thresholds)}"
            raise ConfigError(" ".join(problems), given=given, fix="Leave them out, or correct the call.")

    def bind(self, items: pl.DataFrame) -> Self:
        """A copy that knows what stands between labels."""
        return self if self.sep else replace(self, sep=_separator(self.values(items)))

    def remarks(self, items: pl.DataFrame) -> list[str]:
        what = f"Labels of column {self.column!r} are separated by {self.sep!r}; another: --label-separator (sep=)."
        return [] if self.sep in (None, " ") else [what]

    def is_missing(self, items: pl.DataFrame) -> list[bool]:
        """Never: no label is an answer, too."""
        return [False] * len(items)

    def strata(self, items: pl.DataFrame) -> list[str]:
        """The set of labels; those that few items have in common are one."""
        sets = [(self.sep or " ").join(sorted(set(self._split(value)))) or NO_LABELS for value in self.values(items)]
        counts = Counter(sets)
        return [labels if counts[labels] >= MIN_IN_STRATUM else "(rare)" for labels in sets]

    def fit(self, rows: pl.DataFrame) -> Self:
        """A copy that knows the labels of `rows`, sorted; labels given by the user are kept."""
        if self.labels:
            return self
        return replace(
            self, labels=tuple(sorted({label for value in self.values(rows) for label in self._split(value)}))
        )

    def fit_answers(self, answers: np.ndarray, targets: np.ndarray) -> Self:
        """A copy whose thresholds give each label the best F1 score on rows that the model did not learn from.

        Thresholds given by the user are kept.

        Source:
            Lipton, Elkan and Naryanaswamy 2014, arXiv:1402.1892 (a threshold for each label, chosen on held-out rows).
        """
        if self.thresholds:
            return self
        return replace(self, thresholds=tuple(map(best_threshold, answers.T, targets.T)))

    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """1 for each label that an item has, else 0: float32 `[items, labels]`; a DataError for any other label."""
        items = [self._split(value) for value in values]
        named = {label for labels in items for label in labels}
        # Before the field is fitted, every label is new.
        index = {normal_text(label): i for i, label in enumerate(self.labels or sorted(named))}
        unknown = sorted(named - index.keys())
        if unknown:
            what = f"Column {self.column!r} has labels that are not among those of the training rows."
            fix = f"Correct or remove those rows. {did_you_mean(unknown[0], self.labels)}"
            raise DataError(what, given=unknown[:10], fix=fix)
        encoded = np.zeros((len(values), len(index)), dtype=np.float32)
        for row, labels in enumerate(items):
            encoded[row, [index[label] for label in labels]] = 1
        return encoded

    def decode(self, scores: np.ndarray) -> Prediction:
        """The prediction from the probabilities of one item, `[labels]`; `value` has its labels, the surest first."""
        order = np.argsort(-scores, kind="stable")
        thresholds = self.thresholds or (0.5,) * len(self.labels)
        labels = tuple(self.labels[i] for i in order if scores[i] >= thresholds[i])
        ranked = {self.labels[i]: float(scores[i]) for i in order}
        return Prediction(label=(self.sep or " ").join(labels), value=labels, probabilities=ranked)

    def summary(self) -> str:
        return f"Labels, several or none for each item: {listed(self.labels)}."

    def question(self, noun: str) -> str:
        return f"What is in the {noun}?"

    def statistics(self, prediction: Prediction) -> dict[str, Any]:
        return {"labels": list(prediction.value)}

    def metrics(self) -> TaskMetrics:
        from headway.targets.categories.metrics import multilabel_metrics

        return multilabel_metrics(self.thresholds)

    @classmethod
    def parse_options(cls, options: Mapping[str, str]) -> dict[str, Any]:
        """What `--label-separator` says."""
        return {"sep": options.get("label_separator")}

    @classmethod
    def of_arrays(cls, predictions: np.ndarray, targets: np.ndarray, labels: Sequence[str] | None) -> Self:
        return cls("target", labels=labels_of(predictions, labels))

    def _split(self, value: Any) -> list[str]:
        if is_blank(value):
            return []
        labels = _written_list(value) if isinstance(value, str) else value
        if isinstance(labels, str):
            labels = labels.split(self.sep or " ")
        labels = labels if isinstance(labels, Sequence) else [labels]
        return [label for label in map(normal_text, labels) if label]


def _written_list(text: str) -> list[Any] | str:
    """The list that a text writes as Python or JSON do; else the text itself."""
    if not (text.strip().startswith("[") and text.strip().endswith("]")):
        return text
    try:
        # Reads literals alone and runs nothing; it knows JSON's lists of text, too.
        return list(ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _separator(values: Sequence[Any]) -> str:
    """What stands between labels: a mark that is in a tenth at least of the texts that have several; else a blank."""
    texts = [text for text in values if isinstance(text, str) and isinstance(_written_list(text), str)]
    several = [text for text in texts if any(mark in text.strip() for mark in (*MARKS, " "))]
    return next((mark for mark in MARKS if 10 * sum(mark in text for text in several) >= max(len(several), 1)), " ")


def best_threshold(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """A label's threshold with the best F1 score; of several, the nearest to 0.5, which it is without a positive item.

    Example:
        >>> best_threshold(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 0, 1, 1]))
        0.25
    """
    if not targets.any():
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    ranked, hits = probabilities[order].astype(np.float64), np.cumsum(targets[order])
    # Given to the first so many, a label is right on `hits` of them; equal probabilities are given it together.
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + hits[-1])
    after = np.append(ranked[1:], 0.0)
    # Between equal probabilities there is no threshold.
    f1 = np.where(ranked > after, f1, -1.0)
    # Half way to the next one, where new items are least likely to fall to the other side.
    cuts = (ranked + after) / 2
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return float(cuts[best[np.argmin(np.abs(cuts[best] - 0.5))]])
