"""Results as plain JSON values, by one rule for all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar

import numpy as np

__all__ = ["AsJson", "as_json"]


class AsJson:
    """A dataclass that can be written as JSON: its fields by name, in their order, and the properties that it names.

    Attributes:
        json_also: Properties that are written too, such as the sentence that tells a finding in words.
        json_without: Fields that are left out, such as points that are only drawn.
    """

    json_also: ClassVar[tuple[str, ...]] = ()
    json_without: ClassVar[tuple[str, ...]] = ()

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values; what could not be computed, and infinity, is None."""
        assert is_dataclass(self)
        names = [field.name for field in fields(self) if field.name not in self.json_without]
        return {name: as_json(getattr(self, name)) for name in (*names, *self.json_also)}


def as_json(value: Any) -> Any:
    """Values as JSON knows them: numpy's become Python's, NaN and infinity None, anything else its text.

    Example:
        >>> as_json({"shares": np.array([0.5, np.nan]), "names": ("a", "b")})
        {'shares': [0.5, None], 'names': ['a', 'b']}
    """
    # What has a form of its own keeps it; its values go through the same rules.
    if hasattr(value, "to_json"):
        value = value.to_json()
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): as_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        # Most long lists, such as a confusion matrix's rows, are whole numbers: they need no second look.
        return list(value) if set(map(type, value)) <= {int, str} else [as_json(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
