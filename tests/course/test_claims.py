from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.course import claims
from headway.course.claims import claim, claimed, fill, read_measured, typed_numbers, unknown_claims, write_measured
from headway.course.lesson import Lesson, parse
from headway.errors import ConfigError, DataError
from headway.judge.intervals import Estimate
from tests.course.lesson_text import LESSON

HEAD = '# %% [markdown]\n# # T\n# id = 1, layer = "call", minutes = 1, needs = []\n# %% [markdown]\n# '


@pytest.fixture(autouse=True)
def _no_claims() -> Iterator[None]:
    claims.reset()
    yield
    claims.reset()


def test_a_claim_says_how_it_compares(capsys: pytest.CaptureFixture[str]) -> None:
    claim("pixels", 0.72, near=0.70, within=0.06)
    claim("model", Estimate(0.5, 0.4, 0.6), near=0.93, within=0.04, above="pixels", by=0.1)
    claim("photos", 755)
    claim("more", 0.3, above=0.5)
    assert capsys.readouterr().out.splitlines() == [
        "pixels: 0.72, as expected (0.64 to 0.76)",
        "model: 0.50 [0.40, 0.60]. Expected: 0.89 to 0.97. Run the lesson again from its first cell. "
        "It should be above pixels (0.72) by 0.1 or more.",
        "photos: 755",
        "more: 0.3. It should be above 0.5 (0.5) by 0 or more.",
    ]
    assert [one.fine for one in claimed()] == [True, False, True, False]
    assert (claimed()[1].low, claimed()[1].high) == (0.4, 0.6)


def test_a_tolerance_of_any_size(capsys: pytest.CaptureFixture[str]) -> None:
    claim("apart", 0.0, near=0, within=1e-5)
    claim("count", 2, near=2, within=0)
    claim("rows", 4.4e3, near=4e3, within=500)
    claim("lead", 0.3, above=0.1)
    claim("wide", 0.69, near=0.7, within=0.1)
    claim("points", -0.67, near=-0.7, within=1.0)
    claim("estimate", Estimate(0.172, 0.151, 0.194), near=0.18, within=0.04)
    assert capsys.readouterr().out.splitlines() == [
        "apart: 0.00000, as expected (-0.00001 to 0.00001)",
        "count: 2, as expected (2)",
        "rows: 4400, as expected (3500 to 4500)",
        "lead: 0.3, as expected (above 0.1)",
        "wide: 0.69, as expected (0.60 to 0.80)",
        "points: -0.67, as expected (-1.70 to 0.30)",
        "estimate: 0.17 [0.15, 0.19], as expected (0.14 to 0.22)",
    ]


def test_no_interval_is_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    claim("few", Estimate(0.75, math.nan, math.nan, "4 groups, 30 needed"), near=0.7, within=0.1)
    assert capsys.readouterr().out == "few: 0.75, as expected (0.60 to 0.80)\n"
    assert (claimed()[0].low, claimed()[0].high) == (None, None)


def test_on_other_pictures_numbers_are_only_shown(capsys: pytest.CaptureFixture[str]) -> None:
    claims.compare(with_authors=False)
    claim("pixels", 0.64)
    claim("model", Estimate(0.5, 0.4, 0.6), near=0.93, within=0.04, above="pixels", by=0.1)
    assert capsys.readouterr().out.splitlines() == ["pixels: 0.64", "model: 0.5 [0.4, 0.6]"]
    assert all(one.fine for one in claimed())
    claims.reset()
    claim("pixels", 0.64, near=0.7, within=0.01)
    assert not claimed()[0].fine


def test_both_ends_of_a_tolerance_are_fine_and_nan_is_not() -> None:
    claim("a", 0.94, near=0.93, within=0.01)
    claim("b", float("nan"), near=0.93, within=0.01)
    assert [one.fine for one in claimed()] == [True, False]


def test_a_wider_tolerance() -> None:
    claim("pixels", 0.70)
    claim("model", 0.76, near=0.82, within=0.04, above="pixels", by=0.1)
    model = claimed()[1]
    assert not model.fine
    assert not model.problem(slack=2)
    assert model.problem(slack=1.25) == (
        "Expected: 0.78 to 0.86. Run the lesson again from its first cell. "
        "It should be above pixels (0.7) by 0.08 or more."
    )


def test_mistakes_in_a_claim() -> None:
    with pytest.raises(ConfigError) as caught:
        claim("a", 1, near=1)
    assert str(caught.value) == (
        "A claim needs both `near` and `within`, or neither.\n"
        "  Given: near=1, within=None\n"
        "  Fix:   Pass the other one."
    )
    with pytest.raises(ConfigError) as caught:
        claim("a", 1, above="b")
    assert str(caught.value) == (
        '`above` must name an earlier claim.\n  Given: above="b"\n  Fix:   No claim comes before this one.'
    )


def test_what_was_measured_is_written_and_read(tmp_path: Path) -> None:
    claim("pixels", 0.123456789)
    claim("model", Estimate(0.93, 0.88, 0.96))
    file = write_measured(3, claimed(), folder=tmp_path)
    assert file.name == "03.toml"
    assert read_measured(3, folder=tmp_path) == {
        "pixels": {"value": 0.123457},
        "model": {"value": 0.93, "low": 0.88, "high": 0.96},
    }
    assert read_measured(4, folder=tmp_path) == {}
    file.write_text("[")
    with pytest.raises(DataError, match=r"03\.toml: not TOML"):
        read_measured(3, folder=tmp_path)


def test_quotes_are_filled_outside_of_code() -> None:
    measured = {"model": {"value": 0.928, "low": 0.876}}
    text = "{model:.0%} from {model.low:.2f}, {model}; {other:.0%}, `{model}`\n```\n{model}\n```"
    assert fill(text, measured) == "93% from 0.88, 0.928; {other:.0%}, `{model}`\n```\n{model}\n```"


def test_quotes_that_no_cell_claims() -> None:
    assert unknown_claims(parse(LESSON)) == []
    assert unknown_claims(parse(f"{HEAD}{{model:.0%}} and `{{x}}`")) == [
        "lesson.py, cell at line 4: no cell claims model"
    ]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It is right in 93 % of cases.", ["93 %"]),
        ("It is 0.93, or 93%.", ["0.93", "93%"]),
        ("It takes 20 s or 5 minutes, a 20-second wait.", ["20 s", "5 minutes", "20-second"]),
        ("It is {model:.2f} in `0.5` steps.", []),
        ("755 drawings by 3 studios, lesson 1, in 1959.", []),
        ("Version 2.1.3 has it.", []),
        ("It was 0.93. Theirs took 20 hours. ⟨fact: their paper, table 2⟩ Ours took 3 hours.", ["0.93", "3 hours"]),
        ("Theirs took 20 hours ⟨fact: their paper⟩.", []),
        ("Guess: ⟨guess 0.5 | 0.7⟩, [link](https://x.org/2.1)", []),
    ],
)
def test_numbers_that_come_from_nowhere(text: str, numbers: list[str]) -> None:
    lesson: Lesson = parse(HEAD + text)
    assert typed_numbers(lesson) == [f"lesson.py, cell at line 4: {one} is no claim and no fact" for one in numbers]
