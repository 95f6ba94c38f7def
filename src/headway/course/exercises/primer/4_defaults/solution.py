"""Arguments with defaults, and arguments that must be named."""


def scaled(value: float, *, low: float = 0, high: float = 10) -> float:
    """Where `value` lies between `low` (0.0) and `high` (1.0)."""
    return (value - low) / (high - low)
