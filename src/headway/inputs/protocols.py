"""What others than an input may be: a reader of files, and an item's parts; small, so that each layer can name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

__all__ = ["Parts", "Reader"]


class Parts(Protocol):
    """An item's parts, for `Input.parts`."""

    @property
    def values(self) -> Sequence[Any]:
        """The item, then the item without each of its parts, as `Input.read` takes them."""
        ...

    def weighed(self, predictions: Sequence[Any], *, label: str | None, of: str) -> Any:
        """What each part adds to a label, by default the most probable one, from the answers to `values`.

        `of` is the target's column. A ConfigError says that there is no such label.
        """
        ...


class Reader(Protocol):
    """Reads files, one by one, into arrays of one dtype and with the same axes. An `Input` is one."""

    @property
    def dtype(self) -> type[np.generic]: ...

    @property
    def axes(self) -> tuple[str, ...]: ...

    def canvas(self, value: Any) -> np.ndarray: ...

    def to_json(self) -> dict[str, Any]:
        """What the arrays depend on besides the files."""
        ...
