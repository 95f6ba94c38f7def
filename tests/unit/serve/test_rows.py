from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from headway.errors import ConfigError
from headway.inputs.image.field import Image
from headway.serve.rows import RowReader
from headway.serve.settings import Settings


def test_what_cannot_be_served_is_told_before_the_server_starts() -> None:
    predictor: Any = SimpleNamespace(input=Image("file"), manifest={})
    with pytest.raises(ConfigError) as caught:
        RowReader(predictor, Settings())
    assert str(caught.value) == (
        "This kind of input cannot be served yet.\n"
        "  Given: Image, which has no form\n"
        "  Fix:   Call `hw.load(...).predict` from a program of your own."
    )
