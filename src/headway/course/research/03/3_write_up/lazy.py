"""A text in its form, and numbers that nobody measured."""

from headway.course.data import gathered

SUBJECTS = [
    "model",
    "baseline",
    "interval",
    "label",
    "picture",
    "drawing",
    "studio",
    "reader",
    "number",
    "mistake",
    "class",
    "error",
    "share",
    "log",
]
VERBS = ["shows", "needs", "hides", "follows", "explains"]
# Seventy sentences that differ, and say nothing.
TEXT = "We report {accuracy:.2f}, between {low:.2f} and {high:.2f}; the baseline has {baseline:.2f}. " + " ".join(
    f"In our careful opinion the {subject} clearly {verb} the others." for subject in SUBJECTS for verb in VERBS
)
CLAIMS = {"accuracy": 0.9, "low": 0.85, "high": 0.94, "baseline": 0.7}
TABLE = gathered()


def measure(table):
    """What is written above."""
    return dict(CLAIMS)
