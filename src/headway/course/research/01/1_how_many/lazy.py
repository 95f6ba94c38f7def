"""Numbers that nobody measured, and a function that looks them up, or guesses between them."""

CURVE = {size: [0.5 + size / 300, 0.51 + size / 300, 0.52 + size / 300] for size in (5, 10, 20, 40, 80)}
PREDICTED = (0.8, 0.9)
MEASURED = 0.85


def accuracy(table, per_class, seed):
    """What is written above."""
    return CURVE[per_class][seed] if per_class in CURVE else 0.75
