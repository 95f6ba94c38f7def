"""A context manager: something that holds inside of a `with` block, and is undone at its end, whatever happens.

settings = {"size": 64}
with changed(settings, "size", 128):
    ...                       # settings["size"] is 128 here
settings["size"]              64 again
"""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def changed(settings: dict, name: str, value: object) -> Iterator[None]:
    """A context in which `settings[name]` is `value`. A name that was not there before is gone afterwards."""
    # Write it here. What stands before `yield` happens first, what stands after it at the end.
    raise NotImplementedError
    yield
