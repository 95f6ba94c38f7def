"""The share of right answers: the number that this lesson calls accuracy.

    share_right(["animal", "food"], ["animal", "animal"])    0.5

- An answer of `None` means that the model gave none: it is never right.
- Lists of different lengths, and empty ones, raise a `ValueError`: there is no honest number to return.
"""


def share_right(answers: list, truths: list) -> float:
    """The share of `answers` that are equal to the truth beside them, from 0 to 1."""
    # Write it here.
    raise NotImplementedError
