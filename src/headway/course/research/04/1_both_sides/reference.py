"""The dispute about COMPAS in numbers."""

# From ProPublica's table of two years; a decile score of 5 or more is high risk.
COUNTS = {
    "Black": {"hit": 1369, "missed": 532, "wrong": 805, "refused": 990},
    "white": {"hit": 505, "missed": 461, "wrong": 349, "refused": 1139},
}

SIDES = {
    "ProPublica": (
        "Look at people who were not arrested again. Of the Black ones 45 of 100 had been called high risk, of the "
        "white ones 23. The word could keep them in a cell, and it fell on one group twice as often. And of those who "
        "were arrested again, 48 of 100 white ones had been called low risk, and 28 Black ones."
    ),
    "Northpointe": (
        "Look at what a judge sees: a score. Of those called high risk 63 of 100 Black and 59 of 100 white defendants "
        "were arrested again, so the words mean nearly the same whoever stands there. The base rates differ in this "
        "county, and then any score that means the same in both groups has different error rates. To make these equal, "
        "one would need two limits, one for each group."
    ),
}


def rates(counts: dict[str, int]) -> dict[str, float]:
    """Precision, missed and wrongly selected."""
    return {
        "precision": counts["hit"] / (counts["hit"] + counts["wrong"]),
        "missed": counts["missed"] / (counts["hit"] + counts["missed"]),
        "wrongly selected": counts["wrong"] / (counts["wrong"] + counts["refused"]),
    }


def forced(base_rate: float, precision: float, missed: float) -> float:
    """Wrongly selected, as it follows from the other three."""
    hits = base_rate * (1 - missed)
    return hits * (1 - precision) / precision / (1 - base_rate)
