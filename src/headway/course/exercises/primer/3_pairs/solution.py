"""`zip` walks along two lists at once."""


def differences(first: list[float], second: list[float]) -> list[float]:
    """Each number of `first` minus the number beside it in `second`."""
    return [left - right for left, right in zip(first, second, strict=True)]
