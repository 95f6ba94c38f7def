from __future__ import annotations

import inspect

import pytest

from headway import errors
from headway.errors import HeadwayError, did_you_mean, explain


def test_explain_gives_three_lines() -> None:
    text = explain("`a` must be b.", given="a=3", fix="Pass b.")
    assert text == "`a` must be b.\n  Given: a=3\n  Fix:   Pass b."


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ([1, "two"], "1, two"),
        ((3, None), "3, None"),
        ([], ""),
        ("as it is", "as it is"),
        (7, "7"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_only_lists_are_joined(given: object, shown: str) -> None:
    assert explain("w", given=given, fix="f").splitlines()[1] == f"  Given: {shown}"


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("resnet19", ["vit", "resnet18"], 'Did you mean "resnet18"?'),
        ("lable", ["label", "lable2", "file"], 'Did you mean "lable2" or "label"?'),
        ("q", ["file", "label"], "Known: file, label."),
        ("q", "hgfedcba", "Known: a, b, c, d, e, f, g, h."),
        ("q", "ihgfedcba", "Known: a, b, c, d, e, f, g, h, ...."),
    ],
)
def test_a_hint_names_the_closest_or_the_first(name: str, known: list[str], hint: str) -> None:
    assert did_you_mean(name, known) == hint


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        ("BundleError", ValueError),
        ("ConfigError", ValueError),
        ("DataError", ValueError),
        ("ReadError", ValueError),
        ("ShapeError", ValueError),
        ("TrainingError", RuntimeError),
        ("WeightsError", RuntimeError),
    ],
)
def test_each_kind_is_caught_as_ours_and_as_the_built_in(kind: str, builtin: type[Exception]) -> None:
    error = getattr(errors, kind)
    assert issubclass(error, HeadwayError)
    assert issubclass(error, builtin)
    assert str(error("text")) == "text"


def test_the_base_is_no_built_in_kind() -> None:
    assert HeadwayError.__mro__[1] is Exception


def test_every_kind_is_public() -> None:
    kinds = {name for name, each in vars(errors).items() if inspect.isclass(each) and issubclass(each, Exception)}
    assert kinds <= set(errors.__all__)
    assert errors.__all__ == sorted(errors.__all__)
