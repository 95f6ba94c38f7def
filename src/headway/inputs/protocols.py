"""What an input is asked with: a column of a form, a step of a writer, an item's parts, a reader of files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

__all__ = ["Column", "Parts", "Reader", "Step"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table's items, as a form asks for it and a server checks it.

    Attributes:
        choices: Of a category, the values that the training rows had, as text, the most frequent first.
        typical: An example of a value: the median, the most frequent category, a date in the middle as ISO text.
    """

    name: str
    kind: Literal["number", "category", "date", "text", "numbers"]
    choices: tuple[str, ...] = ()
    typical: float | str | None = None


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
