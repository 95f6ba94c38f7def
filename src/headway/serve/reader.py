"""From what a client sends to what the model takes: what a reader is.

Files and rows have a reader each, in `serve/files.py` and `serve/rows.py`; a kind of input may bring one of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from headway.serve.problems import Kind

__all__ = ["Asked", "Item", "Reader"]


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item of a request, as it came: a file's bytes, or the values of a table's row by column.

    Attributes:
        name: What it is called in an answer for several: a file's name, or a row's number.
        media_type: What the client says it is, in lower case; empty where it says nothing.
    """

    name: str | int = ""
    media_type: str = ""
    data: bytes = b""
    row: Any = None


@dataclass(frozen=True)
class Asked:
    """An item as the model takes it.

    Attributes:
        array: What `input.read` gives; `geometry` is where in the item that lies, where the answer needs it.
        notes: What it has that no training item had, a sentence each.
        statistics: What is written down of it, where there is a log.
    """

    array: np.ndarray
    geometry: Any = None
    notes: tuple[str, ...] = ()
    statistics: dict[str, Any] = field(default_factory=dict)


class Reader(ABC):
    """Takes a request's body apart and reads what is in it. Threads may share it.

    Attributes:
        key: The member that names an item in an answer for several, and what it says.
        summary: What `POST /predict` does.
        takes: What it takes, and what it gives for several, in a sentence or two.
        media_types: Of the body.
        problems: What may be wrong with a body or an item of this kind.
    """

    key: ClassVar[tuple[str, str]]
    key_type: ClassVar[type] = str
    summary: str
    takes: str
    media_types: ClassVar[tuple[str, ...]]
    problems: ClassVar[tuple[Kind, ...]]

    @abstractmethod
    def is_slow(self, body: bytes, content_type: str) -> bool:
        """Whether taking the body apart would keep the event loop for long."""

    @abstractmethod
    def split(self, body: bytes, content_type: str) -> tuple[Sequence[Item], bool]:
        """The items in a body, at least one, and whether the answer is to be a list.

        Raises:
            Problem: If there is none, if there are too many, or if they cannot be told apart.
        """

    @abstractmethod
    def read(self, item: Item) -> Asked:
        """What the model takes for an item.

        Raises:
            Problem: If it is not what the model was made for, or cannot be read.
        """

    @abstractmethod
    def example(self) -> np.ndarray:
        """Some item as the model takes it, for measuring."""

    @abstractmethod
    def describe_body(self) -> dict[str, Any]:
        """The request body of `POST /predict` for `openapi.json`: FastAPI does not see it."""

    def facts(self) -> dict[str, Any]:
        """What `GET /model` says of the input."""
        return {}
