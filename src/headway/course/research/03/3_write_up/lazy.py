"""Praise without a measurement."""

TEXT = "Our model is 99 % accurate and uses a label and a baseline with an interval. " * 40
CLAIMS = {"accuracy": 0.99, "low": 0.98, "high": 1.0, "baseline": 0.5}


def measure():
    """Nobody measured."""
    return CLAIMS
