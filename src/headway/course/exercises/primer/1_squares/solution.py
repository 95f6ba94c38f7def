"""A list comprehension: one line that makes a list from another."""


def even_squares(numbers: list[int]) -> list[int]:
    """The squares of the even numbers, in their order."""
    return [number**2 for number in numbers if number % 2 == 0]
