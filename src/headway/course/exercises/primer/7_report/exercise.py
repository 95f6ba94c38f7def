"""An f-string puts values into a text. What follows a colon says how they look.

line("cats", 0.93456, 1200)    "cats: 93.5% of 1,200"
"""


def line(name: str, share: float, count: int) -> str:
    """A line as above: the share in percent with one digit after the point, the count with commas."""
    # Write it here.
    raise NotImplementedError
