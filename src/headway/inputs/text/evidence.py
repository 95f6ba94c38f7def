"""Which words of a text speak for an answer, and which against it: each is left out, and the model answers again."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.as_json import AsJson
from headway.errors import ConfigError, did_you_mean
from headway.inputs.text.tokenizer import opened

if TYPE_CHECKING:
    from headway.inputs.text.field import Text
    from headway.targets.base import Prediction

__all__ = ["MAX_PARTS", "TextEvidence", "TextParts", "TextPiece", "card"]

# Answers that one text takes at most; in longer ones neighbouring words are left out together.
MAX_PARTS = 64

# Characters of a text that a page shows.
_SHOWN = 500

# A word; of scripts without spaces between words a character; or other marks, such as "!!" or an emoji.
_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+(?:['\u2019-][^\W{_UNSPACED}]+)*|[^\w\s]+")

# Of probabilities that are not the classes' shares of one: nearer to 0 or 1 float32 says nothing.
_SMALLEST = 1e-6


@dataclass(frozen=True, kw_only=True)
class TextPiece(AsJson):
    """A stretch of a text.

    Attributes:
        weight: How much it speaks for the answer, below 0 against it; None between words, and beyond what is read.
    """

    text: str
    weight: float | None = None


@dataclass(frozen=True, kw_only=True)
class TextEvidence(AsJson):
    """A text in pieces, each with what the answer loses without it.

    Attributes:
        answer: The class, or the column of the number, that weights are about.
        unit: What a weight of 1 is: "log odds" of a class, or the number's column.
        columns: By column the pieces of its text, which together are the text.
        agreement: Rank correlation of the weights with those by gradients x input, from -1 to 1; None where there are
            no gradients, as without torch, or fewer than three weights.
    """

    answer: str
    unit: str
    columns: dict[str, tuple[TextPiece, ...]]
    agreement: float | None = None

    @property
    def words(self) -> list[tuple[str, float]]:
        """The pieces that have a weight, those with the strongest first."""
        pieces = [(piece.text, piece.weight) for pieces in self.columns.values() for piece in pieces]
        return sorted(((text, weight) for text, weight in pieces if weight is not None), key=lambda pair: -abs(pair[1]))

    def to_html(self, *, limit: int | None = None) -> str:
        """The text with its words in `<mark>`, of the classes `for` and `against`, and their strength as `--share`.

        With a limit, no more characters of each column are shown.
        """
        largest = max((abs(weight) for _, weight in self.words), default=0.0)
        # Odds of two to one: where no word changes them as much, all of them look weak.
        scale = max(largest, 0.7 if self.unit == "log odds" else 1e-12)
        texts = {name: _marked(pieces, scale, limit) for name, pieces in self.columns.items()}
        if len(texts) == 1:
            return next(iter(texts.values()))
        return "".join(f"<b>{escape(name)}</b>{text}" for name, text in texts.items())

    def _repr_html_(self) -> str:
        agreement = "" if self.agreement is None else f", rank correlation with gradients x input {self.agreement:.2f}"
        style = (
            "<style>.evidence mark{background:color-mix(in srgb,var(--c) calc(70%*var(--share)),transparent);"
            "color:inherit}.evidence .for{--c:#4a90d9}.evidence .against{--c:#e8863a;text-decoration:underline dotted}"
            "</style>"
        )
        about = f"for {self.answer} in blue, against in orange (in {self.unit}{agreement})"
        return f'{style}<p class="evidence" dir="auto">{self.to_html()}</p><p>{escape(about)}</p>'


@dataclass(frozen=True)
class TextParts:
    """What of a text is left out, one part after another.

    Args:
        field: The fitted field.
        value: What `field.read` takes.

    Example:
        >>> import polars as pl
        >>> from headway.inputs.text.field import Text
        >>> field = Text("review", tokenizer="byte_pair").fit(pl.DataFrame({"review": ["not good", "so good"]}))
        >>> TextParts(field, "Not good!").values
        [{'review': 'Not good!'}, {'review': 'good!'}, {'review': 'Not !'}, {'review': 'Not good'}]
    """

    field: Text
    value: Any

    @cached_property
    def texts(self) -> list[str]:
        """The text of each column."""
        return self.field.texts_of(self.value)

    @cached_property
    def starts(self) -> list[int]:
        """Where the text of each column begins in what the tokenizer reads."""
        lengths = np.cumsum([0, *(len(text) + len(self.field.separator) for text in self.texts[:-1])])
        return lengths.tolist()

    @cached_property
    def offsets(self) -> list[tuple[int, int]]:
        """Where each token that the model reads begins and ends in the joined texts."""
        tokenizer = opened(self.field.fitted, self.field.max_tokens)
        return tokenizer.encode(self.field.separator.join(self.texts)).offsets

    @cached_property
    def spans(self) -> list[tuple[int, int, int]]:
        """The column, start and end of each part; none where a text has a single word, which leaves nothing."""
        limit = max((end for _, end in self.offsets), default=0)
        # What cannot be seen, such as a mark of direction, would leave an empty text behind.
        words = [
            (column, *match.span())
            for column, text in enumerate(self.texts)
            for match in _WORD.finditer(text, 0, min(max(limit - self.starts[column], 0), len(text)))
            if match[0].isprintable()
        ]
        if len(words) < 2:
            return []
        size = math.ceil(len(words) / MAX_PARTS)
        runs = [words[start : start + size] for start in range(0, len(words), size)]
        # A run over the end of a column is two parts.
        cut = [[run[start:end] for start, end in pairwise([0, *_changes(run), len(run)])] for run in runs]
        return [(part[0][0], part[0][1], part[-1][2]) for parts in cut for part in parts]

    @property
    def values(self) -> list[dict[str, str]]:
        """The text as it is, then without each of its parts, as `field.read` takes them."""
        names = self.field.columns
        whole = dict(zip(names, self.texts, strict=True))
        return [whole] + [
            {**whole, names[column]: _without(self.texts[column], start, end)} for column, start, end in self.spans
        ]

    def weighed(self, predictions: Sequence[Prediction], *, label: str | None, of: str) -> TextEvidence:
        """The evidence, from the answers to `values`.

        Args:
            predictions: The answers.
            label: The class that is asked about. Default: the most probable one.
            of: The target's column, which a number is called by.

        Raises:
            ConfigError: If there is no such class.
        """
        probabilities = predictions[0].probabilities
        if label is not None and label not in probabilities:
            fix = (
                did_you_mean(label, tuple(probabilities)) if probabilities else "Leave it out: the answer is a number."
            )
            raise ConfigError("`label` must be one of the model's classes.", given=f"label={label!r}", fix=fix)
        answer = label or next(iter(probabilities), of)
        scores = [score_of(prediction, answer) for prediction in predictions]
        weights = [scores[0] - score for score in scores[1:]]
        return TextEvidence(answer=answer, unit="log odds" if probabilities else of, columns=self._pieces(weights))

    def _pieces(self, weights: Sequence[float]) -> dict[str, tuple[TextPiece, ...]]:
        pieces: dict[str, list[TextPiece]] = {name: [] for name in self.field.columns}
        done = dict.fromkeys(pieces, 0)
        for (column, start, end), weight in zip(self.spans, weights, strict=True):
            name, text = self.field.columns[column], self.texts[column]
            if start > done[name]:
                pieces[name].append(TextPiece(text=text[done[name] : start]))
            pieces[name].append(TextPiece(text=text[start:end], weight=weight))
            done[name] = end
        for name, text in zip(pieces, self.texts, strict=True):
            if done[name] < len(text):
                pieces[name].append(TextPiece(text=text[done[name] :]))
        return {name: tuple(parts) for name, parts in pieces.items()}


def score_of(prediction: Prediction, answer: str) -> float:
    """How strongly a prediction says an answer: the log odds of a class, or the number itself."""
    if not prediction.probabilities:
        return float(prediction.value)
    probability = prediction.probabilities[answer]
    # Of classes that exclude one another: the others' sum is exact where 1 minus a probability near 1 is not.
    others = sum(share for name, share in prediction.probabilities.items() if name != answer)
    is_one_class = abs(probability + others - 1) < 1e-3
    against = others if is_one_class else 1 - probability
    smallest = 1e-30 if is_one_class else _SMALLEST
    return math.log(max(probability, smallest) / max(against, smallest))


def _without(text: str, start: int, end: int) -> str:
    """A text without a stretch of it, and without one of the two spaces that would come together there."""
    before, after = text[:start], text[end:]
    if before[-1:].isspace() and (not after or after[0].isspace()):
        return before[:-1] + after
    return after[1:] if not before and after[:1].isspace() else before + after


def _changes(run: Sequence[tuple[int, int, int]]) -> list[int]:
    return [index for index in range(1, len(run)) if run[index][0] != run[index - 1][0]]


def _marked(pieces: Sequence[TextPiece], scale: float, limit: int | None) -> str:
    texts, length = [], 0
    for piece in pieces:
        left = None if limit is None else max(limit - length, 0)
        texts.append(_mark(replace(piece, text=piece.text[:left]), scale))
        length += len(piece.text)
    return "".join(texts) + (" ..." if limit is not None and length > limit else "")


def _mark(piece: TextPiece, scale: float) -> str:
    if piece.weight is None or not piece.text:
        return escape(piece.text)
    share = abs(piece.weight) / scale
    if share < 0.1:
        return escape(piece.text)
    kind = "for" if piece.weight > 0 else "against"
    # How strong, for whoever does not see colours, stands in the title.
    return f'<mark class="{kind}" style="--share:{share:.2f}" title="{piece.weight:+.2f}">{escape(piece.text)}</mark>'


def card(field: Text, value: Any) -> str:
    """A text as HTML, cut where it is long; of several columns each below its name."""
    texts = [textwrap.shorten(text, _SHOWN, placeholder=" ...") for text in field.texts_of(value)]
    if len(texts) == 1:
        return escape(texts[0])
    return "".join(f"<b>{escape(name)}</b>{escape(text)}" for name, text in zip(field.columns, texts, strict=True))
