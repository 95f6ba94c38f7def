"""Rates that were read in an article, and counts that were made up to fit them."""

COUNTS = {
    "Black": {"hit": 720, "missed": 280, "wrong": 450, "refused": 550},
    "white": {"hit": 520, "missed": 480, "wrong": 230, "refused": 770},
}
SIDES = {"ProPublica": "It is unfair.", "Northpointe": "It is fair."}


def rates(counts):
    """As the article says."""
    return {"precision": 0.6, "missed": 0.28, "wrongly selected": 0.45}


def forced(base_rate, precision, missed):
    """As the article says."""
    return 0.45
