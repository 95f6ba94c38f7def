"""Shifts that do nothing."""

SHIFTS = {name: lambda items: items for name in "abcde"}
TABLE = {name: {"accuracy": 0.9, "alarm": False} for name in ("none", *SHIFTS)}


def measure(name):
    """Nobody measured."""
    return TABLE[name]
