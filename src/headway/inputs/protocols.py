"""What others than an input may be: a reader of files, an item's parts, a next step; small, for each layer to name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

__all__ = ["Parts", "Reader", "Step"]


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


@dataclass(frozen=True, kw_only=True)
class Step:
    """How a model goes on from what it has read, on numpy's arrays.

    Attributes:
        run: From tokens, int32 `[1, new]`, and the memory of those before to the logits of the token that follows,
            float32 `[1, vocabulary]`, and what is new in the memory.
        empty: The memory before anything was read, float32 `[1, ...]`.
        grows: Whether what is new is added behind the memory, along axis 1; else it takes the memory's place.
    """

    run: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    empty: np.ndarray
    grows: bool
