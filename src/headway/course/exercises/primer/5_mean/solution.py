"""A class holds data and the functions that belong to it."""


class RunningMean:
    """The mean of all numbers so far, without keeping them."""

    def __init__(self) -> None:
        self.total = 0.0
        self.count = 0

    def add(self, number: float) -> None:
        """Takes a number in."""
        self.total += number
        self.count += 1

    def value(self) -> float:
        """The mean; 0.0 while there are no numbers."""
        return self.total / self.count if self.count else 0.0
