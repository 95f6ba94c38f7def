"""What a `check.py` is written with: cases, the learner's functions, and comparisons that say what came.

    from headway.course.checking import case, close, function

    share_right = function("share_right", "answers", "truths")

    @case("counts right answers")
    def _():
        close(share_right([1, 2], [1, 3]), 0.5, meaning="right answers, divided by all answers")

A case looks at what the learner's code does, never at how it is written; `never` and `source` are for exercises whose
text rules something out. All of it runs in a process of its own: see `run.py`.
"""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NoReturn

from headway.course.cases import Case, CaseError, current_check, cut, show

__all__ = [
    "beats",
    "case",
    "catches",
    "close",
    "draw",
    "equal",
    "falls",
    "function",
    "grad",
    "hidden",
    "learner_folder",
    "never",
    "property",
    "pure",
    "quick",
    "raises",
    "require",
    "same_as",
    "say",
    "shape",
    "show",
    "source",
    "value",
]


def case(name: str, *, section: str = "", last: bool = False) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Marks a function as one case of a check.

    Args:
        name: What the code does when it passes: "counts right answers".
        section: Anchor of the lesson's section to read where it fails; the exercise's where it is "".
        last: Runs only when all others have passed, for cases that train.
    """

    def add(run: Callable[[], object]) -> Callable[[], object]:
        current_check().cases.append(Case(name, run, section, last))
        return run

    return add


def function(name: str, *parameters: str) -> Callable[..., Any]:
    """The learner's function of this name. What it is called with, and what it returns, is shown where a case fails.

    Args:
        name: Its name.
        parameters: Names of the parameters that a check passes by name.

    Raises:
        CaseError: If there is no such function, or it has not these parameters.
    """
    check = current_check()
    learners = value(name)
    if not callable(learners):
        raise CaseError(f"A function named `{name}`.", came=f"{name} = {show(learners)}")
    # The names are part of what is asked: a call by name that fails would look like a fault of the check.
    known = inspect.signature(learners).parameters
    missing = [one for one in parameters if one not in known]
    if missing:
        wanted, came = (f"{name}({', '.join(names)})" for names in (parameters, known))
        raise CaseError(f"`{wanted}`, with these names of its parameters.", came=came)

    @functools.wraps(learners)
    def call(*arguments: Any, **named: Any) -> Any:
        shown = [show(one) for one in arguments] + [f"{key}={show(one)}" for key, one in named.items()]
        # Before the call: where it crashes, the arguments are what the learner needs to see.
        check.call, check.came = cut(f"{name}({', '.join(shown)})", 400), ""
        result = learners(*arguments, **named)
        check.came = show(result)
        return result

    return call


def value(name: str) -> Any:
    """What the learner's file calls `name`.

    Raises:
        CaseError: If it has no such name.
    """
    module = current_check().module
    if not hasattr(module, name):
        # Names that differ in capitals alone are the usual slip.
        near = ", ".join(known for known in vars(module) if known.lower() == name.lower())
        came = near or "no such name in your file"
        raise CaseError(
            f"Something named `{name}`.", came=came, meaning="The check looks for this name: do not change it."
        )
    return getattr(module, name)


def source() -> str:
    """The text of the learner's file."""
    return current_check().text


def learner_folder() -> Path:
    """The learner's course folder itself, for exercises that make something; everything else runs in a copy."""
    return current_check().folder


def say(text: str) -> None:
    """Shows a sentence below the case that runs, for what the learner's work came to."""
    current_check().said = cut(text, 400)


def require(condition: object, asked: str, *, given: str = "", came: object = "", meaning: str = "") -> None:
    """Fails unless the condition holds; `asked` says it in words."""
    if not condition:
        raise CaseError(asked, given=given, came=came if isinstance(came, str) else show(came), meaning=meaning)


def equal(came: object, expected: object, *, meaning: str = "") -> None:
    """Fails unless `came == expected`, for everything but floats and arrays, which `close` compares."""
    if came is None and expected is not None:
        _nothing(expected)
    # In Python True equals 1: who returns a count where a yes is asked would pass.
    if isinstance(came, bool) != isinstance(expected, bool) or came != expected:
        raise CaseError(show(expected), came=show(came), meaning=meaning)


def close(came: object, expected: object, *, within: float = 1e-6, meaning: str = "") -> None:
    """Fails unless numbers, lists, arrays or tensors agree, to `within` and to a millionth of their size.

    NaN agrees with NaN. Shapes must be equal; dtypes need not be.
    """
    import numpy as np

    if came is None:
        _nothing(expected)
    wanted = _array(expected)
    try:
        numbers = _array(came)
    except (TypeError, ValueError):
        raise CaseError(show(expected), came=show(came), meaning=meaning) from None
    if numbers.shape != wanted.shape:
        asked = f"Shape {list(wanted.shape)}: {show(expected)}"
        raise CaseError(asked, came=f"shape {list(numbers.shape)}: {show(came)}", meaning=meaning)
    # Tensors of float32 agree to about seven digits.
    wrong = ~np.isclose(numbers, wanted, rtol=max(1e-6, within if within < 1e-4 else 1e-6), atol=within, equal_nan=True)
    if wrong.any():
        shown = show(came)
        if wanted.ndim:
            index = tuple(int(axis) for axis in np.argwhere(wrong)[0])
            shown += f"; at {list(index)} {numbers[index]:.6g} instead of {wanted[index]:.6g}"
        raise CaseError(show(expected), came=shown, meaning=meaning)


def _nothing(expected: object) -> NoReturn:
    raise CaseError(show(expected), came="None", meaning=_NO_RETURN)


_NO_RETURN = "A function without `return` gives None."


def _array(numbers: Any) -> Any:
    import numpy as np

    if hasattr(numbers, "detach"):
        numbers = numbers.detach().cpu().numpy()
    # A list of tensors is no array for NumPy while they carry gradients.
    elif isinstance(numbers, list | tuple):
        numbers = [one.detach().cpu().numpy() if hasattr(one, "detach") else one for one in numbers]
    # Whole numbers, booleans and float32 are compared in one precision.
    return np.asarray(numbers, dtype=np.complex128 if np.iscomplexobj(numbers) else np.float64)


def shape(came: object, expected: Sequence[int], *, meaning: str = "") -> None:
    """Fails unless an array or tensor has this shape."""
    if came is None:
        _nothing(list(expected))
    own = getattr(came, "shape", None)
    if own is None or list(own) != list(expected):
        shown = show(came) if own is None else f"shape {list(own)}"
        raise CaseError(f"Shape {list(expected)}.", came=shown, meaning=meaning)


def raises(error: type[BaseException], call: Callable[[], object], *, meaning: str = "") -> None:
    """Fails unless calling raises this error."""
    try:
        result = call()
    except error:
        return
    except Exception as other:
        came = traceback.format_exception_only(other)[-1].strip()
        # What it means that nothing was raised is no word on another error.
        raise CaseError(f"{error.__name__} is raised.", came=came) from None
    raise CaseError(f"{error.__name__} is raised.", came=show(result), meaning=meaning)


def pure(call: Callable[..., Any], *arguments: Any) -> Any:
    """Calls, fails if an argument was changed by it, and gives the result."""
    import copy

    # A shallow copy would share the inner lists, which are what code changes by accident.
    before = copy.deepcopy(arguments)
    result = call(*arguments)
    for old, new in zip(before, arguments, strict=True):
        # `show` shortens long values, so arrays are compared number by number, too.
        if show(old) != show(new) or (hasattr(old, "shape") and not bool((old == new).all())):
            meaning = "The function changes what it is called with: work on a copy."
            raise CaseError(f"The argument stays {show(old)}.", came=show(new), meaning=meaning)
    return result


def draw(
    size: Sequence[int], *, seed: int = 0, kind: Literal["normal", "uniform", "whole"] = "normal", below: int = 10
) -> Any:
    """A tensor of random numbers, the same in every check: normal, from [0, 1), or whole numbers below `below`."""
    import torch

    numbers = _generator(seed)
    if kind == "whole":
        return torch.from_numpy(numbers.integers(0, below, tuple(size)))
    values = numbers.normal(size=tuple(size)) if kind == "normal" else numbers.random(tuple(size))
    # NumPy draws float64; a check may run with another default, which the learner's own tensors then have.
    return torch.tensor(values, dtype=torch.get_default_dtype())


def _generator(seed: int) -> Any:
    import numpy as np

    # Two numbers and not their sum: draw 1 of check 0 and draw 0 of check 1 have nothing in common.
    return np.random.default_rng([seed, current_check().seed])


def same_as(
    call: Callable[..., Any],
    reference: Callable[..., Any],
    *,
    draws: Callable[[Any], tuple[Any, ...]],
    cases: int = 200,
    within: float = 1e-5,
    meaning: str = "",
) -> None:
    """Fails where a function and the reference differ on random arguments; the first such arguments are shown.

    Args:
        call: The learner's function.
        reference: What it must agree with.
        draws: From a numpy generator to a tuple of arguments; let sizes begin small.
        cases: How many arguments are tried.
        within: As for `close`.
        meaning: As for `close`.
    """
    for number in range(cases):
        arguments = draws(_generator(number))
        # The reference first, on what the learner's function has not had in hands.
        expected = reference(*arguments)
        close(call(*arguments), expected, within=within, meaning=meaning)


def property(
    holds: Callable[..., object],
    *,
    draws: Callable[[Any], tuple[Any, ...]],
    cases: int = 100,
    asked: str,
    meaning: str = "",
) -> None:
    """Fails where something that must hold for all arguments does not. The shortest such arguments are shown.

    Args:
        holds: From arguments to whether it holds; None counts as yes.
        draws: From a numpy generator to a tuple of arguments.
        cases: How many arguments are tried.
        asked: What must hold, in words.
        meaning: What it means where it does not.
    """
    failures = []
    for number in range(cases):
        arguments = draws(_generator(number))
        held = holds(*arguments)
        # Not `is False`: numpy's comparisons give a false of their own.
        if held is not None and not held:
            failures.append((len(show(arguments)), current_check().call or show(arguments), current_check().came))
    if failures:
        # The shortest arguments are the easiest to think about. No search makes them shorter still.
        _, given, came = min(failures)
        raise CaseError(asked, given=given, came=came, meaning=meaning)


def grad(
    loss: Callable[..., Any],
    *inputs: Any,
    gradient: Callable[..., Any] | None = None,
    within: float = 1e-4,
    meaning: str = "the slope of the loss for each input, as small steps to both sides show it",
) -> None:
    """Fails unless gradients agree with finite differences, in float64.

    Args:
        loss: From tensors to one number.
        inputs: Where: tensors of any shapes.
        gradient: The learner's function from the same inputs to the gradient of the first; default: autograd's.
        within: As for `close`.
        meaning: As for `close`.
    """
    import torch

    # With float32 a difference this small would be rounding alone.
    points = [one.detach().double().clone().requires_grad_() for one in inputs]
    came = gradient(*points) if gradient else torch.autograd.grad(loss(*points), points[0])[0]
    expected = torch.zeros_like(points[0])
    # About the cube root of float64's precision, where rounding and curvature cost equally little.
    step = 1e-5
    with torch.no_grad():
        for index in itertools.product(*map(range, points[0].shape)):
            ends = []
            for side in (step, -step):
                moved = points[0].clone()
                moved[index] += side
                ends.append(float(loss(moved, *points[1:])))
            expected[index] = (ends[0] - ends[1]) / (2 * step)
    close(came, expected, within=within, meaning=meaning)


def falls(train: Callable[[int], Any], *, to: float, seconds: float | None = None, meaning: str = "") -> None:
    """Fails unless the median of three seeds' last losses is at most `to`.

    Args:
        train: From a seed to the losses of a training, or to the last one.
        to: The loss to reach.
        seconds: What one training may take on the authors' machine.
        meaning: What it means where it is not reached.
    """
    last = []
    for seed in range(3):
        with quick(seconds):
            losses = train(seed + current_check().seed)
        if losses is None:
            raise CaseError("The losses of the training.", came="None", meaning=_NO_RETURN)
        last.append(float(losses[-1] if isinstance(losses, Sequence) else losses))
    median = statistics.median(last)
    # Not `median > to`: a loss that is NaN fails.
    if not median <= to:
        came = f"{median:.4g} (the median of three seeds: {', '.join(f'{one:.4g}' for one in last)})"
        raise CaseError(f"The loss falls to {to:g}.", came=came, meaning=meaning)


def beats(
    answers: Callable[[Any], Any] | float,
    baseline: Callable[[Any], Any] | float,
    *,
    on: tuple[Any, Sequence[Any]] | None = None,
    by: float = 0.0,
    meaning: str = "",
) -> None:
    """Fails unless a share of right answers is above a baseline's.

    Args:
        answers: The learner's share, or the function from the inputs to answers that it is computed from.
        baseline: The baseline's, in the same way.
        on: Inputs and labels, where functions are passed.
        by: How much better it must be, from 0 to 1.
        meaning: What it means where it is not better.
    """
    own, other = (_share(one, on) for one in (answers, baseline))
    # A share that is NaN fails here, too.
    if not own > other + by:
        asked = f"More than {other + by:.3f} right" + (
            f" ({by:.3f} above the baseline)." if by else ", as the baseline."
        )
        raise CaseError(asked, came=f"{own:.3f}", meaning=meaning)


def _share(answers: Callable[[Any], Any] | float, on: tuple[Any, Sequence[Any]] | None) -> float:
    if not callable(answers):
        return float(answers)
    assert on is not None, "functions are compared on inputs and labels: pass `on`"
    inputs, labels = on
    came = list(answers(inputs))
    if len(came) != len(labels):
        raise CaseError(f"An answer for each of the {len(labels)} inputs.", came=f"{len(came)} answers")
    return sum(bool(answer == label) for answer, label in zip(came, labels, strict=True)) / len(labels)


def hidden(name: Literal["digits", "drawings"]) -> Any:
    """Rows of a data set that no lesson shows: what `headway.course.data` gives with `hidden=True`."""
    from headway.course import data

    return {"digits": data.digits, "drawings": data.drawings}[name](hidden=True)


@contextmanager
def quick(seconds: float | None) -> Iterator[None]:
    """Fails if what is done inside takes longer than it may on a machine of this speed; None: any time."""
    start = time.perf_counter()
    yield
    took = time.perf_counter() - start
    limit = None if seconds is None else seconds * current_check().speed_factor
    if limit is not None and took > limit:
        raise CaseError(f"At most {limit:.3g} seconds.", came=f"{took:.3g} seconds", meaning="There is a quicker way.")


def catches(
    test: Callable[[Any], object], *, mutants: Mapping[str, Any] | None = None, honest: Mapping[str, Any] | None = None
) -> None:
    """Fails unless the learner's test lets every honest one pass and catches every mutant.

    Args:
        test: The learner's. It catches by an `assert`, by any other error or by returning False. Two errors are the
            test's own and are raised on: any but an `assert` for an honest one; a name or module that is not there.
        mutants: What is broken, by what is wrong with it.
        honest: What is right, by what it is.
    """
    for name, one in (honest or {}).items():
        error = _caught(test, one, passes_on=Exception)
        if error:
            meaning = "It is right: the test must not want more than the text does."
            raise CaseError(f"The test passes: {name}.", came=error, meaning=meaning)
    for name, one in (mutants or {}).items():
        # A test that was not written yet, or that cannot run, has caught nothing.
        if not _caught(test, one, passes_on=(NotImplementedError, NameError, ImportError)):
            raise CaseError(f"The test fails: {name}.", came="it passes", meaning="A fault of this kind goes unseen.")


def _caught(test: Callable[[Any], object], subject: Any, *, passes_on: type | tuple[type, ...]) -> str:
    try:
        result = test(subject)
        return "False" if result is not None and not result else ""
    except Exception as error:
        if isinstance(error, passes_on) and not isinstance(error, AssertionError):
            raise
        return traceback.format_exception_only(error)[-1].strip()


def never(*names: str, meaning: str = "") -> None:
    """Fails if the learner's file imports, calls or reads one of these: "sum", "sklearn", "torch.nn.functional"."""
    used = _names(ast.parse(source()))
    for name in names:
        for line, own in used:
            if own == name or own.startswith(f"{name}."):
                raise CaseError(f"`{name}` is not used.", given=" ", came=f"line {line}: {own}", meaning=meaning)


def _names(tree: ast.Module) -> list[tuple[int, str]]:
    """All dotted names that are imported or read, by what they were imported as."""
    known: dict[str, str] = {}
    names: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            start = f"{node.module}." if isinstance(node, ast.ImportFrom) and node.module else ""
            for one in node.names:
                full = f"{start}{one.name}"
                # `import a.b` binds `a`, `import a.b as c` binds `c` to all of it.
                known[one.asname or one.name.partition(".")[0]] = (
                    full if one.asname or start else one.name.partition(".")[0]
                )
                names.append((node.lineno, full))
    for node in ast.walk(tree):
        parts: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            # `np.linalg.norm` is a chain of attributes, the last one outermost.
            parts.insert(0, inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
            names.append((inner.lineno, ".".join([known.get(inner.id, inner.id), *parts])))
    return names
