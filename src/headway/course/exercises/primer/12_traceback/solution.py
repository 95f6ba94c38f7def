"""A program that crashed, repaired."""


def most_frequent(labels: list[str]) -> str | None:
    """The most frequent label; of several, the first in the alphabet; of an empty list, None."""
    counts: dict[str, int] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return min(counts, key=lambda label: (-counts[label], label), default=None)
