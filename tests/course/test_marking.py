from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headway.course import marking

CASES: dict[str, list[list[Any]]] = json.loads(Path(__file__).with_name("marking_cases.json").read_text())
"""By function: arguments and result. The site's JavaScript runs the same table."""


def test_every_function_has_cases() -> None:
    # `words_of` is seen through the two that use it.
    assert CASES.keys() == set(marking.__all__) - {"words_of"}


@pytest.mark.parametrize(
    ("name", "arguments", "result"), [(name, *one) for name, rows in CASES.items() for one in rows]
)
def test_table_of_cases(name: str, arguments: Any, result: Any) -> None:
    value = getattr(marking, name)(*(arguments if isinstance(arguments, list) else [arguments]))
    assert json.loads(json.dumps(value)) == result


def test_a_wrapper_that_is_not_closed_is_read_to_the_end() -> None:
    assert marking.output_tokens("tensor([1, 2") == ["[", "1", "2"]
