"""A class holds data and the functions that belong to it.

mean = RunningMean()
mean.add(1)
mean.add(3)
mean.value()    2.0
"""


class RunningMean:
    """The mean of all numbers so far, without keeping them."""

    def __init__(self) -> None:
        # Write it here: what must it remember?
        raise NotImplementedError

    def add(self, number: float) -> None:
        """Takes a number in."""
        raise NotImplementedError

    def value(self) -> float:
        """The mean; 0.0 while there are no numbers."""
        raise NotImplementedError
