from __future__ import annotations

import inspect
import pickle

import pytest

from headway import errors
from headway.errors import ConfigError, HeadwayError, did_you_mean


def test_an_error_is_three_lines_and_their_parts() -> None:
    error = ConfigError("`a` must be b.", given="a=3", fix="Pass b.")
    assert str(error) == "`a` must be b.\n  Given: a=3\n  Fix:   Pass b."
    assert (error.what, error.given, error.fix) == ("`a` must be b.", "a=3", "Pass b.")


def test_an_error_without_a_remedy_is_one_line() -> None:
    assert str(HeadwayError("no such file")) == "no such file"


def test_an_error_survives_being_sent_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(ConfigError("w", given=[1, 2], fix="f")))
    assert str(error) == "w\n  Given: 1, 2\n  Fix:   f"


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
    assert str(HeadwayError("w", given=given, fix="f")).splitlines()[1] == f"  Given: {shown}"


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("resnet19", ["vit", "resnet18"], 'Did you mean "resnet18"?'),
        ("lable", ["label", "lable2", "file"], 'Did you mean "lable2" or "label"?'),
        ("q", ["file", "label"], "Known: file, label."),
        ("q", "hgfedcba", "Known: a, b, c, d, e, f, g, h."),
        ("q", "ihgfedcba", "Known: a, b, c, d, e, f, g, h and 1 more."),
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
