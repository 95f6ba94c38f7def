"""Real texts for the tests of this folder: sentences of film reviews, and messages of telephones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headway.judge.baselines.base import BaselineData

__all__ = ["as_rows", "halves", "read_messages", "read_reviews"]


def read_reviews(folder: Path) -> tuple[list[str], np.ndarray]:
    """10,662 sentences in a shuffled order, and whether each is praise."""
    texts, targets = [], []
    for target, ending in enumerate(("neg", "pos")):
        lines = (folder / f"rt-polarity.{ending}").read_text(encoding="utf-8").splitlines()
        texts += lines
        targets += [target] * len(lines)
    order = np.random.default_rng(0).permutation(len(texts))
    return [texts[index] for index in order], np.array(targets)[order]


def read_messages(folder: Path) -> tuple[list[str], np.ndarray]:
    """5,574 messages, and whether each is spam."""
    lines = (folder / "SMSSpamCollection.tsv").read_text(encoding="utf-8").splitlines()
    labels, texts = zip(*(line.split("\t", 1) for line in lines), strict=True)
    return list(texts), np.array(labels) == "spam"


def as_rows(texts: list[str], targets: np.ndarray) -> BaselineData:
    """Texts of one column as baselines see them."""
    return BaselineData(targets=targets, arrays={"texts": np.array(texts, dtype=object)[:, None]})


def halves(rows: BaselineData, count: int) -> tuple[BaselineData, BaselineData]:
    """The first rows to learn from, and all others."""
    index = np.arange(len(rows))
    return rows.take(index[:count]), rows.take(index[count:])
