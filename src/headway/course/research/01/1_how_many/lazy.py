"""Numbers that nobody measured."""

CURVE = {size: [0.5, 0.5, 0.5] for size in (5, 10, 20, 40, 80)}
PREDICTED = (0.5, 0.6)
MEASURED = 0.5


def accuracy(per_class, seed):
    """Always the same."""
    return 0.5
