"""Texts as simple models see them: how often words, pairs and pieces of words occur, weighed by their rarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Counts", "Weighing"]

# A mark is a word, too: "!" and "?" say much in a message. So is a letter alone, of which some languages have many.
_WORDS = r"\w+|[^\w\s]"
_PIECES = (2, 5)
# Of more text than this, of one item and of all, pieces of words add little to what the words say, and counting them
# takes minutes.
_MOST_OF_ONE, _MOST_CHARACTERS = 5_000, 10_000_000


@dataclass(frozen=True)
class Weighing:
    """How counts become TF-IDF: what fewer rows have is left out, and a count may matter by its logarithm alone."""

    min_rows: int
    is_sublinear: bool


def _beginning(text: str) -> str:
    return text[:_MOST_OF_ONE].lower()


class Counts:
    """How often each word and each pair of words occurs in texts, by column.

    Args:
        texts: Of the training rows, object `[items, columns]`.
        pieces: Whether pieces of words are counted, too: 2 to 5 letters in a row, of a long text in its beginning. Of
            very many texts they are not.

    Attributes:
        blocks: What the training rows have: for each kind of count of each column a sparse matrix `[items, dim]`.

    Example:
        >>> counts = Counts(np.array([["good food"], ["Good!"]], dtype=object), pieces=False)
        >>> counts.names(Weighing(1, is_sublinear=True))
        [(0, '!'), (0, 'food'), (0, 'good'), (0, 'good !'), (0, 'good food')]
        >>> counts.blocks[0].toarray().tolist()
        [[0.0, 1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0, 0.0]]
    """

    def __init__(self, texts: np.ndarray, *, pieces: bool) -> None:
        from sklearn.feature_extraction.text import CountVectorizer

        ways: list[dict[str, Any]] = [{"token_pattern": _WORDS, "ngram_range": (1, 2)}]
        if pieces and sum(min(len(text), _MOST_OF_ONE) for text in texts.flat) <= _MOST_CHARACTERS:
            ways.append({"analyzer": "char_wb", "ngram_range": _PIECES, "preprocessor": _beginning})
        # A column without a word has no vocabulary; scikit-learn would refuse to look for one.
        words = [None if any(map(str.strip, values)) else ["."] for values in texts.T]
        self._counters: list[tuple[int, Any]] = [
            (column, CountVectorizer(**way, vocabulary=vocabulary, dtype=np.float32))  # pyright: ignore[reportArgumentType]
            for column, vocabulary in enumerate(words)
            for way in ways
        ]
        self.blocks: list[Any] = [counter.fit_transform(texts[:, column]) for column, counter in self._counters]
        self._num_rows = [np.bincount(block.indices, minlength=block.shape[1]) for block in self.blocks]

    def names(self, weighing: Weighing) -> list[tuple[int, str]]:
        """What each column of `weighed` stands for: a column of the texts, and a word, a pair or a piece."""
        return [
            (column, name)
            for (column, counter), used in zip(self._counters, self._used(weighing), strict=True)
            for name in counter.get_feature_names_out()[used].tolist()
        ]

    def _used(self, weighing: Weighing) -> list[np.ndarray]:
        return [np.flatnonzero(num_rows >= weighing.min_rows) for num_rows in self._num_rows]

    def of(self, texts: np.ndarray) -> list[Any]:
        """The blocks of other texts, object `[items, columns]`."""
        return [counter.transform(texts[:, column]) for column, counter in self._counters]

    def weighed(self, blocks: list[Any], weighing: Weighing) -> Any:
        """TF-IDF of blocks, rarity by the training rows: sparse float32 `[items, dim]`, a block's rows of length 1."""
        from scipy.sparse import csr_matrix, hstack
        from sklearn.feature_extraction.text import TfidfTransformer

        weighed: list[Any] = []
        for own, block, used in zip(self.blocks, blocks, self._used(weighing), strict=True):
            if len(used):
                weigher = TfidfTransformer(sublinear_tf=weighing.is_sublinear).fit(own[:, used])
                weighed.append(weigher.transform(block[:, used]))
        # Linear models need a column, if only of zeros.
        return hstack(weighed or [csr_matrix((blocks[0].shape[0], 1), dtype=np.float32)], format="csr")
