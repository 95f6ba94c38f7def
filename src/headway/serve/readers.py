"""Which reader there is for a kind of input."""

from __future__ import annotations

from collections.abc import Callable

from headway.bundle.predictor import Predictor
from headway.errors import ConfigError
from headway.inputs.image.server import PictureReader
from headway.inputs.table.server import RowReader
from headway.serve.reader import Reader
from headway.serve.settings import Settings

__all__ = ["READERS", "find_reader"]

READERS: dict[str, Callable[[Predictor, Settings], Reader]] = {
    "image": PictureReader,
    "ratings": RowReader,
    "table": RowReader,
}
"""By the `kind` that the input field has in a bundle."""


def find_reader(predictor: Predictor, settings: Settings) -> Reader:
    """The reader for a bundle's input.

    Raises:
        ConfigError: If there is none: the kind of input cannot be served.
    """
    kind = predictor.input.to_json()["kind"]
    if kind not in READERS:
        what = "This kind of input cannot be served yet."
        fix = "Call `hw.load(...).predict` from a program of your own."
        raise ConfigError(what, given=f"kind={kind!r}", fix=fix)
    return READERS[kind](predictor, settings)
