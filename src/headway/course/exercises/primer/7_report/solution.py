"""An f-string puts values into a text. What follows a colon says how they look."""


def line(name: str, share: float, count: int) -> str:
    """A line as above: the share in percent with one digit after the point, the count with commas."""
    return f"{name}: {share:.1%} of {count:,}"
