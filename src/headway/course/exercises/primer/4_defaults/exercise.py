"""Arguments with defaults, and arguments that must be named.

    scaled(5)                        0.5
    scaled(5, low=5, high=10)        0.0

`low` and `high` can only be passed by name: `scaled(5, 0, 10)` is an error, because nobody could tell which is which.
"""


def scaled(value, low, high):
    """Where `value` lies between `low` (0.0) and `high` (1.0). They are 0 and 10 where nothing is said."""
    # Change the line with `def`, too: defaults, and a `*` before what must be named.
    # Write it here.
    raise NotImplementedError
