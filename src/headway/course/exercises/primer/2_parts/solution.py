"""Slices: parts of a list by their positions, from 0. The end is not included; negative ones count from the end."""


def parts(items: list) -> tuple[list, list, list]:
    """The first two items, the last two, and every second one from the first on."""
    return items[:2], items[-2:], items[::2]
