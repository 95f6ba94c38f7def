"""The tools of a `check.py`: what passes, and the whole of what is said where something does not."""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from headway.course.cases import Check, show

Checked = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    """Runs statements as the one case of a check of a text; gives what is reported at the ends of cases."""

    def run(text: str, statements: str, *, speed_factor: float = 1.0, seed: int = 0) -> list[dict[str, Any]]:
        file, check_file = tmp_path / "exercise.py", tmp_path / "check.py"
        file.write_text(text)
        body = "\n".join(f"    {line}" for line in statements.splitlines())
        check_file.write_text(f"from headway.course.checking import *\n@case('works')\ndef _():\n{body}\n")
        module = types.ModuleType("exercise")
        exec(compile(text, str(file), "exec"), vars(module))
        reports: list[dict[str, Any]] = []
        Check(module, file, file.read_text(), tmp_path, seed=seed, speed_factor=speed_factor).run(
            check_file, reports.append
        )
        return [report for report in reports if report["event"] == "case"]

    return run


@pytest.fixture
def failure(checked: Checked) -> Callable[..., dict[str, Any] | None]:
    def run(text: str, statements: str, **options: Any) -> dict[str, Any] | None:
        (report,) = checked(text, statements, **options)
        return report["failure"]

    return run


Failures = Callable[..., dict[str, Any] | None]


def said(asked: str, came: str, meaning: str = "", given: str = "") -> dict[str, str]:
    return {"asked": asked, "given": given, "came": came, "meaning": meaning}


NO_RETURN = "A function without `return` gives None."


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("close(0.1 + 0.2, 0.3)", None),
        ("close([1, 2], (1, 2.0000001))", None),
        ("close(float('nan'), float('nan'))", None),
        ("close(2, 3, meaning='one more')", said("3", "2", "one more")),
        ("close(None, 3)", said("3", "None", NO_RETURN)),
        ("close('a', 3)", said("3", "'a'")),
        ("close([1, 5], [1, 2])", said("[1, 2]", "[1, 5]; at [1] 5 instead of 2")),
        ("close([1, 5], [1, 2, 3])", said("Shape [3]: [1, 2, 3]", "shape [2]: [1, 5]")),
        ("close(1.02, 1, within=0.1)", None),
        ("close(100, 102, within=0.1)", said("102", "100")),
        ("equal([1, 'a'], [1, 'a'])", None),
        ("equal(True, 1)", said("1", "True")),
        ("equal('b', 'a', meaning='the first')", said("'a'", "'b'", "the first")),
        ("equal(None, 'a')", said("'a'", "None", NO_RETURN)),
        ("equal(None, None)", None),
        ("shape(draw((2, 3)), [2, 3])", None),
        ("shape(draw((2, 3)), [3, 2], meaning='turned')", said("Shape [3, 2].", "shape [2, 3]", "turned")),
        ("shape(4, [1])", said("Shape [1].", "4")),
        ("require(1 < 2, 'One is less.')", None),
        ("require(2 < 1, 'One is less.', came=2, given='1')", said("One is less.", "2", given="1")),
        ("raises(ValueError, lambda: int('a'))", None),
        ("raises(ValueError, lambda: 3)", said("ValueError is raised.", "3")),
        (
            "raises(ValueError, lambda: [][0], meaning='a number came')",
            said("ValueError is raised.", "IndexError: list index out of range"),
        ),
        ("beats(0.8, 0.7)", None),
        ("beats(0.7, 0.7)", said("More than 0.700 right, as the baseline.", "0.700")),
        ("beats(0.75, 0.7, by=0.1)", said("More than 0.800 right (0.100 above the baseline).", "0.750")),
        ("beats(lambda x: x, lambda x: [1, 1], on=([1, 2], [1, 2]))", None),
        (
            "beats(lambda x: [1], 0.5, on=([1, 2], [1, 2]))",
            said("An answer for each of the 2 inputs.", "1 answers"),
        ),
        ("falls(lambda seed: [3.0, 0.1 * (seed + 1)], to=0.2)", None),
        (
            "falls(lambda seed: 0.1 * (seed + 1), to=0.1)",
            said("The loss falls to 0.1.", "0.2 (the median of three seeds: 0.1, 0.2, 0.3)"),
        ),
        (
            "falls(lambda seed: float('nan'), to=1)",
            said("The loss falls to 1.", "nan (the median of three seeds: nan, nan, nan)"),
        ),
        ("falls(lambda seed: None, to=1)", said("The losses of the training.", "None", NO_RETURN)),
    ],
)
def test_comparisons(failure: Failures, statement: str, expected: dict[str, str] | None) -> None:
    assert failure("", statement) == expected


def test_what_the_function_was_called_with_is_shown(failure: Failures) -> None:
    text = "def share(answers, truths, scale=1):\n    answers.append(9)\n    return 0.25\n"
    expected = said("1", "0.25", given="share([1, 2], [1, 2], scale=2)")
    assert failure(text, "close(function('share')([1, 2], [1, 2], scale=2), 1)") == expected


def test_a_check_that_cannot_use_what_came_says_so(failure: Failures) -> None:
    meaning = "The check could not use what your code gave: is there a `return`, and does it return what is wanted?"
    came = "None, with which the check met AttributeError: 'NoneType' object has no attribute 'shape'"
    assert failure("def zeros(): pass\n", "function('zeros')().shape") == said("", came, meaning, "zeros()")


def test_a_pure_function_leaves_its_arguments(failure: Failures) -> None:
    statement = "equal(pure(function('top'), [3, 1, 2]), 1)"
    assert failure("def top(values): return sorted(values)[0]\n", statement) is None
    meaning = "The function changes what it is called with: work on a copy."
    text = "def top(values):\n    values.sort()\n    return values[0]\n"
    assert failure(text, statement) == said("The argument stays [3, 1, 2].", "[1, 2, 3]", meaning, "top([3, 1, 2])")
    text = "def top(values):\n    values *= 2\n    return values\n"
    result = failure(text, "pure(function('top'), draw((20,)))")
    assert result is not None
    assert result == said("The argument stays Tensor of shape [20].", "Tensor of shape [20]", meaning, result["given"])


def test_functions_are_compared_with_a_reference(failure: Failures) -> None:
    statement = (
        "same_as(function('mean'), lambda values: sum(values) / len(values),\n"
        "    draws=lambda random: (random.integers(0, 9, size=random.integers(1, 5)).tolist(),))"
    )
    assert failure("def mean(values): return sum(values) / len(values)\n", statement) is None
    result = failure("def mean(values): return sum(values) / 2\n", statement)
    assert result is not None
    assert result["given"].startswith("mean([")


def test_a_property_fails_with_the_shortest_arguments(failure: Failures) -> None:
    statement = (
        "top = function('top')\n"
        "property(lambda values: top(values) in values, asked='The result is one of the values.',\n"
        "    draws=lambda random: (random.integers(0, 9, size=random.integers(1, 9)).tolist(),), meaning='m')"
    )
    assert failure("def top(values): return max(values)\n", statement) is None
    result = failure("def top(values): return max(values) if len(values) < 3 else 99\n", statement)
    assert result is not None
    assert (result["asked"], result["came"], result["meaning"]) == ("The result is one of the values.", "99", "m")
    # Three numbers of one digit are the shortest that it is wrong for.
    assert len(result["given"]) == len("top([1, 2, 3])")


def test_gradients_agree_with_small_steps(failure: Failures) -> None:
    statement = "grad(lambda w: (w ** 2).sum(), draw((3,)), gradient=function('slope'))"
    assert failure("def slope(w): return 2 * w\n", statement) is None
    result = failure("def slope(w): return w\n", statement)
    assert result is not None
    assert result["meaning"] == "the slope of the loss for each input, as small steps to both sides show it"
    assert failure("", "grad(lambda w, x: (w * x).sum(), draw((2, 2)), draw((2, 2), seed=1))") is None


@pytest.mark.parametrize(
    ("text", "names", "came"),
    [
        ("import sklearn.metrics\n", "'sklearn'", "line 1: sklearn.metrics"),
        ("from torch.nn import functional as F\nF.relu\n", "'torch.nn.functional'", "line 1: torch.nn.functional"),
        ("import torch.nn as nn\nx = lambda: nn.Linear(1, 2)\n", "'torch.nn.Linear'", "line 2: torch.nn.Linear"),
        ("def total(values):\n    return sum(values)\n", "'sum'", "line 2: sum"),
        ("import numpy as np\ny = np.mean([1])\n", "'sum', 'numpy.mean'", "line 2: numpy.mean"),
    ],
)
def test_names_that_are_ruled_out(failure: Failures, text: str, names: str, came: str) -> None:
    name = names.split("'")[-2]
    assert failure(text, f"never({names}, meaning='by hand')") == said(f"`{name}` is not used.", came, "by hand", " ")
    assert failure("total = 1\nsummary = 'sum'\n", f"never({names})") is None


def test_tests_of_the_learners_are_tested(failure: Failures) -> None:
    mutants = "{'too small': lambda: 1, 'raises': lambda: 1 / 0}"
    statement = f"catches(function('check'), mutants={mutants}, honest={{'three': lambda: 3}})"
    assert failure("def check(make):\n    assert make() > 2\n", statement) is None
    assert failure("def check(make): return make() > 2\n", statement) is None
    result = failure("def check(make): make()\n", statement)
    assert result is not None
    assert (result["asked"], result["came"]) == ("The test fails: too small.", "it passes")
    assert result["meaning"] == "A fault of this kind goes unseen."
    result = failure("def check(make):\n    assert make() == 2, 'two'\n", statement)
    assert result is not None
    assert (result["asked"], result["came"]) == ("The test passes: three.", "AssertionError: two")
    assert result["meaning"] == "It is right: the test must not want more than the text does."
    result = failure("def check(make):\n    assert [make()][7]\n", statement)
    assert result is not None
    assert (result["asked"], result["came"]) == ("", "IndexError: list index out of range")
    assert result["crash"]["line"] == 2
    result = failure("def check(make): raise NotImplementedError\n", statement)
    assert result is not None
    assert result["asked"] == "Your code, in place of `raise NotImplementedError`."


@pytest.mark.parametrize("line", ["assert numpy.isfinite(make())", "import no_such_module"])
def test_a_test_that_cannot_run_catches_nothing(failure: Failures, line: str) -> None:
    text = f"def check(make):\n    if make() == 1:\n        {line}\n"
    result = failure(text, "catches(function('check'), mutants={'too small': lambda: 1})")
    assert result is not None
    assert result["crash"]["line"] == 3


def test_limits_of_time_know_slow_machines(failure: Failures) -> None:
    text = "import time\nslow = lambda: time.sleep(0.02)\n"
    statement = "with quick(0.01): function('slow')()"
    result = failure(text, statement)
    assert result is not None
    assert (result["asked"], result["meaning"]) == ("At most 0.01 seconds.", "There is a quicker way.")
    assert failure(text, statement, speed_factor=1000.0) is None


def test_draws_are_the_same_in_every_check(failure: Failures) -> None:
    statement = "require(False, str(draw((2,), kind='whole').tolist() + draw((2,), seed=1).tolist()))"
    first, second, other = (failure("", statement, seed=seed) for seed in (0, 0, 1))
    assert first == second != other
    assert failure("", "x = draw((99,), kind='uniform')\nrequire(0 <= x.min() and x.max() < 1, 'inside')") is None


@pytest.mark.slow
def test_hidden_rows_are_those_of_the_data(failure: Failures) -> None:
    statement = "pixels, labels = hidden('digits')\nrequire(len(pixels) == 500, '500', came=len(pixels))"
    assert failure("", statement) is None


def test_the_file_and_the_folder(failure: Failures) -> None:
    statement = "require(source() == 'a = 1\\n' and learner_folder().is_dir() and value('a') == 1, '')"
    assert failure("a = 1\n", statement) is None


def test_values_are_shown_in_one_line() -> None:
    assert show([1.5] * 20) == "[1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, ...]"
    assert show(np.zeros((2, 2))) == "array([[0., 0.], [0., 0.]])"
    assert show(np.zeros((20, 2))) == "ndarray of shape [20, 2]"
    assert show([np.float64(0.5), np.int64(3)]) == "[0.5, 3]"
    assert show(pl.DataFrame({"a": [1, 2]})) == "DataFrame of shape [2, 1]"
    assert len(show("a" * 1000)) < 100


def test_a_check_says_what_the_work_came_to(checked: Checked) -> None:
    (report,) = checked("def top(values): return max(values)\n", "say(f\"The largest: {function('top')([1, 3])}\")")
    assert (report["failure"], report["said"]) == (None, "The largest: 3")
