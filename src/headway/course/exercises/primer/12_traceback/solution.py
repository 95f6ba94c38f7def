"""A program that crashed, repaired."""


def most_frequent(labels: list[str]) -> str | None:
    """The label that occurs most often; the first in the alphabet of those; None where there are no labels."""
    counts: dict[str, int] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return min(counts, key=lambda label: (-counts[label], label), default=None)
