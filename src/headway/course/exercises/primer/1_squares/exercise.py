"""A list comprehension: one line that makes a list from another.

even_squares([1, 2, 3, 4])    [4, 16]
"""


def even_squares(numbers: list[int]) -> list[int]:
    """The squares of the even numbers, in their order."""
    # Write it here, in one line.
    raise NotImplementedError
