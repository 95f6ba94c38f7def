"""`zip` walks along two lists at once.

    differences([5, 7], [2, 9])    [3, -2]

Lists of different lengths raise a `ValueError`: the longer one would lose its end without a word.
"""


def differences(first: list[float], second: list[float]) -> list[float]:
    """Each number of `first` minus the number beside it in `second`."""
    # Write it here.
    raise NotImplementedError
