from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from headway.bundle.predictor import Predictor
from headway.errors import ConfigError
from headway.serve.readers import find_reader
from headway.serve.settings import Settings


@dataclass(frozen=True)
class Strange:
    """A kind of input that nobody serves."""

    @property
    def input(self) -> Strange:
        return self

    def to_json(self) -> dict[str, Any]:
        return {"kind": "sound"}


def test_what_cannot_be_served_is_told_before_the_server_starts() -> None:
    with pytest.raises(ConfigError) as caught:
        find_reader(cast(Predictor, Strange()), Settings())
    assert str(caught.value) == (
        "This kind of input cannot be served yet.\n"
        "  Given: kind='sound'\n"
        "  Fix:   Call `hw.load(...).predict` from a program of your own."
    )
