from __future__ import annotations

import pytest

from headway.course.signs import from_signs
from headway.errors import ConfigError


def test_signs_are_a_picture() -> None:
    picture = from_signs("r. \n .k", size=4, background="white")
    corners = [picture.getpixel(corner) for corner in ((0, 0), (3, 0), (0, 3), (3, 3))]
    assert corners == [(255, 0, 0), (255, 255, 255), (255, 255, 255), (0, 0, 0)]


@pytest.mark.parametrize(
    ("signs", "given", "fix"),
    [
        ("rx rr", "row 1, rx: no colour for x", "Use only r o y g b k w p ."),
        ("rr. rrr rr", "row 3, rr: 2 signs", "Give row 3 as many signs as most rows have, 3; a dot is the background."),
        ("", "no signs", "Write rows of signs, such as .rr. and rwwr below each other."),
    ],
)
def test_signs_that_make_no_picture(signs: str, given: str, fix: str) -> None:
    with pytest.raises(ConfigError) as error:
        from_signs(signs)
    assert str(error.value) == f"These signs make no picture.\n  Given: {given}\n  Fix:   {fix}"
