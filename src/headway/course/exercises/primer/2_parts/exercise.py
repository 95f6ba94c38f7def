"""Slices: parts of a list by their positions, from 0. The end is not included; negative ones count from the end.

parts([1, 2, 3, 4, 5])    ([1, 2], [4, 5], [1, 3, 5])
"""


def parts(items: list) -> tuple[list, list, list]:
    """The first two items, the last two, and every second one from the first on."""
    # Write it here: three slices.
    raise NotImplementedError
