"""Three short studies as they might be published, for the second lesson's research: some of them leak.

Each has its data and its own function that reports an accuracy. The code is written to be read: what is wrong, where
something is, is in plain sight. Nothing here is a real study, and the names stand for no one.
"""

from __future__ import annotations

import numpy as np

from headway.seeds import generator

__all__ = ["STUDIES", "Table", "genes", "load_study", "nearest_mean", "rain", "voices"]

Table = dict[str, np.ndarray]
"""`values` [rows, columns], `labels` 0 or 1 [rows], and `groups`: what each row belongs to, whole numbers [rows]."""


def nearest_mean(train: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The class, 0 or 1, whose mean training row is nearer to each of `rows`."""
    means = [train[labels == label].mean(0) for label in (0, 1)]
    return np.argmin([np.abs(rows - mean).mean(1) for mean in means], axis=0)


def voices(table: Table) -> float:
    """Who has a cold? Twelve recordings each of 40 people, described by 30 numbers; the nearest recording decides."""
    values, labels = table["values"], table["labels"]
    order = np.random.default_rng(0).permutation(len(values))
    valid, train = order[: len(order) // 5], order[len(order) // 5 :]
    distances = np.abs(values[valid][:, None] - values[train]).mean(2)
    answers = labels[train][distances.argmin(1)]
    return float((answers == labels[valid]).mean())


def rain(table: Table) -> float:
    """Does it rain tomorrow? 1,500 days in their order, 8 measurements of the day; the nearer mean day decides."""
    values, labels = table["values"], table["labels"]
    train, valid = np.arange(1200), np.arange(1200, 1500)
    middle, spread = values[train].mean(0), values[train].std(0)
    values = (values - middle) / spread
    answers = nearest_mean(values[train], labels[train], values[valid])
    return float((answers == labels[valid]).mean())


def genes(table: Table) -> float:
    """Who responds to a drug? 90 people, 3,000 genes; the 20 genes that tell most, and the nearer mean person."""
    values, labels = table["values"], table["labels"]
    apart = np.abs(values[labels == 1].mean(0) - values[labels == 0].mean(0)) / values.std(0)
    values = values[:, apart.argsort()[-20:]]
    order = np.random.default_rng(0).permutation(len(values))
    valid, train = order[:30], order[30:]
    answers = nearest_mean(values[train], labels[train], values[valid])
    return float((answers == labels[valid]).mean())


STUDIES = {"voices": voices, "rain": rain, "genes": genes}


def load_study(name: str, *, seed: int = 0) -> Table:
    """The data of a study: "voices", "rain" or "genes".

    Args:
        name: The study.
        seed: 0 as it was published; another, the same study done again with other people or days.

    Example:
        >>> load_study("genes")["values"].shape
        (90, 3000)
    """
    numbers = generator(seed, "course", step=["voices", "rain", "genes"].index(name) + 100)
    if name == "voices":
        # A voice is far more different from others than a cold makes it.
        cold = numbers.integers(0, 2, 40)
        people = numbers.normal(size=(40, 30)) + 0.4 * cold[:, None]
        groups = np.repeat(np.arange(40), 12)
        values = people[groups] + 0.3 * numbers.normal(size=(480, 30))
        return {"values": values, "labels": cold[groups], "groups": groups}
    if name == "rain":
        labels = (numbers.normal(size=1500) > 0.3).astype(int)
        values = numbers.normal(size=(1500, 8)) + 0.55 * labels[:, None]
        return {"values": values, "labels": labels, "groups": np.arange(1500) // 30}
    labels = numbers.permutation(np.arange(90) % 2)
    return {"values": numbers.normal(size=(90, 3000)), "labels": labels, "groups": np.arange(90)}
