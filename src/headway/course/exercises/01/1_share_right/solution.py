"""The share of right answers: the number that this lesson calls accuracy."""


def share_right(answers: list, truths: list) -> float:
    """The share of `answers` that are equal to the truth beside them, from 0 to 1."""
    pairs = list(zip(answers, truths, strict=True))
    if not pairs:
        raise ValueError("No answers have no share of right ones.")
    right = [answer is not None and answer == truth for answer, truth in pairs]
    return sum(right) / len(right)
