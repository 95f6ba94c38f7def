"""A context manager: something that holds inside of a `with` block, and is undone at its end, whatever happens."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def changed(settings: dict, name: str, value: object) -> Iterator[None]:
    """A context in which `settings[name]` is `value`. A name that was not there before is gone afterwards."""
    before = dict(settings)
    settings[name] = value
    try:
        yield
    finally:
        settings.clear()
        settings.update(before)
