"""The words that a logistic regression goes by: for each class those that speak for it most."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.as_json import AsJson
from headway.data.dataset import Part
from headway.inputs.text.baselines import classifier
from headway.inputs.text.tfidf import Counts, Weighing
from headway.judge.baselines.base import drawn_rows
from headway.judge.report.page.marks import details, percent, table
from headway.judge.report.report import Section

if TYPE_CHECKING:
    from headway.inputs.text.field import Text
    from headway.judge.report.report import Report
    from headway.train.stage import Setup

__all__ = ["LabelWords", "Word", "label_words", "section"]

NUM_WORDS = 12
# Labels whose words stand on the page; the others are folded away.
_NUM_SHOWN = 6
# A word that fewer texts have may speak for a class by chance.
_WEIGHING = Weighing(min_rows=3, is_sublinear=True)
_STRENGTH = 10.0


@dataclass(frozen=True, kw_only=True)
class Word(AsJson):
    """A word or a pair of words.

    Attributes:
        column: Which of the texts' columns it stands in, from 0.
        weight: How much the logit of the class grows by it, where it is all that a text has.
        num_items: Training texts that have it.
        share: The share of them that are of the class, between 0 and 1.
    """

    word: str
    column: int
    weight: float
    num_items: int
    share: float


@dataclass(frozen=True, kw_only=True)
class LabelWords(AsJson):
    """The words that speak for a class most, the strongest first; none where the training texts have no two sides."""

    label: str
    words: list[Word]


def label_words(texts: np.ndarray, targets: np.ndarray, labels: Sequence[str]) -> list[LabelWords]:
    """For each class or label the words that speak for it most, by a logistic regression on words and pairs of words.

    Args:
        texts: Of the training rows, object `[items, columns]`.
        targets: Class indices, int64 `[items]`; or 1 for each label that an item has, `[items, labels]`.
        labels: The names of the classes.

    Example:
        >>> texts = np.array([["so good"], ["so bad"], ["good food"], ["bad food"]] * 5, dtype=object)
        >>> words = label_words(texts, np.array([1, 0, 1, 0] * 5), ["no", "yes"])
        >>> [(one.label, one.words[0].word, one.words[0].num_items) for one in words]
        [('no', 'bad', 10), ('yes', 'good', 10)]
    """
    counts = Counts(texts, pieces=False)
    names = counts.names(_WEIGHING)
    if not names:
        return [LabelWords(label=label, words=[]) for label in labels]
    matrix = counts.weighed(counts.blocks, _WEIGHING)
    is_label = targets == np.arange(len(labels))[:, None] if targets.ndim == 1 else targets.T > 0.5
    return [
        LabelWords(label=label, words=_strongest(matrix, is_of, names))
        for label, is_of in zip(labels, is_label, strict=True)
    ]


def _strongest(matrix: Any, is_of: np.ndarray, names: Sequence[tuple[int, str]]) -> list[Word]:
    if is_of.all() or not is_of.any():
        return []
    with warnings.catch_warnings():
        # Of not having converged, which is a choice here.
        warnings.simplefilter("ignore")
        weights = classifier(_STRENGTH).fit(matrix, is_of).estimators_[0].coef_[0]
    best = [index for index in np.argsort(-weights, kind="stable")[:NUM_WORDS].tolist() if weights[index] > 0]
    has_word = matrix[:, best].sign()
    num_items, num_of = has_word.sum(axis=0), has_word[is_of].sum(axis=0)
    return [
        Word(
            word=names[index][1],
            column=names[index][0],
            weight=float(weights[index]),
            num_items=int(num_items[0, order]),
            share=float(num_of[0, order] / num_items[0, order]),
        )
        for order, index in enumerate(best)
    ]


def section(field: Text, setup: Setup) -> dict[str, Section]:
    """The section of a report that has the words of each class."""
    train, target = setup.data.train, setup.data.target
    train = Part(train.data, train.name, train.items[drawn_rows(len(train), seed=setup.seed)])
    train, arrays, _ = field.baseline_arrays(train, seed=setup.seed)
    words = label_words(arrays["texts"], train.targets, target.labels)
    return {"words": Section("Words of the classes", words, partial(_html, columns=field.columns))}


def _html(report: Report, words: list[LabelWords], *, columns: Sequence[str]) -> str:
    """A table of words for each label."""
    tables = [_table(one, columns) for one in words if one.words]
    if not tables:
        return ""
    lead = (
        "<p>The words, and pairs of words, that speak for a class most: by a logistic regression on words alone, which "
        "learned from the training texts. They say what is easy to learn here, not what the model uses.</p>"
    )
    others = details(f"The words of {len(tables) - _NUM_SHOWN} others", "".join(tables[_NUM_SHOWN:]))
    folded = others if len(tables) > _NUM_SHOWN else ""
    return f'{lead}<div class="charts">{"".join(tables[:_NUM_SHOWN])}</div>{folded}'


def _table(one: LabelWords, columns: Sequence[str]) -> str:
    rows = [
        f'<tr><th scope="row">{escape(_named(word, columns))}</th><td>{word.weight:.1f}</td>'
        f"<td>{word.num_items:,}</td><td>{percent(word.share)}</td></tr>"
        for word in one.words
    ]
    caption = f"{one.label}. Share: of the training texts that have the word, how many are {one.label}."
    return table(caption, ["<Word", "Weight", "Texts", "Share"], rows)


def _named(word: Word, columns: Sequence[str]) -> str:
    return word.word if len(columns) == 1 else f"{word.word} ({columns[word.column]})"
