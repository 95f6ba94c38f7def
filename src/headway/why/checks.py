"""Tests of what a failure's variables and code show. A cause in the catalogue names one: `test = "dtype:float64"`.

A test gives the variables that a sentence may name, or None where it does not hold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headway.why.failure import Failure, Variable

__all__ = ["CHECKS", "check"]

Bindings = Mapping[str, Any]


def check(test: str, failure: Failure) -> Bindings | None:
    """The variables that a test finds, by the name that sentences use; None where the test does not hold.

    Example:
        >>> targets = Variable("targets", "Tensor", {"shape": [8], "dtype": "float64"})
        >>> failure = Failure("RuntimeError", "...", variables={"targets": targets})
        >>> check("dtype:float64", failure)["x"].name
        'targets'
        >>> check("dtype:int64", failure) is None
        True
    """
    name, _, argument = test.partition(":")
    return CHECKS[name](failure, argument)


def _first(variables: Iterator[Variable]) -> Bindings | None:
    variable = next(variables, None)
    return None if variable is None else {"x": variable}


def _used(failure: Failure) -> list[Variable]:
    return list(failure.used.values())


def _all(failure: Failure, kind: str = "") -> list[Variable]:
    return [variable for variable in failure.variables.values() if re.search(kind, variable.kind)]


def _modules(failure: Failure) -> list[Variable]:
    return [variable for variable in failure.variables.values() if "trainable" in variable.facts]


def _optimizers(failure: Failure) -> list[Variable]:
    return [variable for variable in failure.variables.values() if "lr" in variable.facts]


def _loaders(failure: Failure) -> list[Variable]:
    return [variable for variable in failure.variables.values() if "shuffled" in variable.facts]


def _dtype(failure: Failure, argument: str) -> Bindings | None:
    return _first(one for one in _used(failure) if one.dtype == argument)


def _kind(failure: Failure, argument: str) -> Bindings | None:
    return _first(one for one in _used(failure) if re.fullmatch(argument, one.kind))


def _dims(failure: Failure, argument: str) -> Bindings | None:
    return _first(one for one in _used(failure) if one.shape is not None and len(one.shape) == int(argument))


def _fact(failure: Failure, argument: str) -> Bindings | None:
    """`fact:finite=False`: a variable of the failing line of which this is known."""
    name, _, value = argument.partition("=")
    return _first(one for one in _used(failure) if name in one.facts and str(one.facts[name]) == value)


def _one_column(failure: Failure, _: str) -> Bindings | None:
    return _first(one for one in _used(failure) if one.kind == "DataFrame" and (one.shape or ())[1:] == (1,))


def _line(failure: Failure, argument: str) -> Bindings | None:
    match = re.search(argument, failure.line)
    return None if match is None else {"line": failure.line, **match.groupdict()}


def _code(failure: Failure, argument: str) -> Bindings | None:
    match = re.search(argument, failure.source)
    return None if match is None else match.groupdict()


def _no_code(failure: Failure, argument: str) -> Bindings | None:
    return {} if failure.source and not re.search(argument, failure.source) else None


def _linear(failure: Failure, _: str) -> Bindings | None:
    """A tensor and a linear layer that do not fit: `mat1 and mat2 shapes cannot be multiplied (4x7 and 5x2)`."""
    numbers = re.search(r"\((\d+)x(\d+) and (\d+)x(\d+)\)", failure.message)
    if numbers is None:
        return None
    # A matrix product fails where the first one's columns are not the second one's rows.
    got, wanted = int(numbers[2]), int(numbers[3])
    # The weight has this number, too, but turned: only the input ends with it.
    tensors = [one for one in _used(failure) if one.shape and one.shape[-1] == got]
    return {"x": tensors[0], "wanted": wanted, "got": got} if tensors else None


def _unflattened(failure: Failure, _: str) -> Bindings | None:
    """An image whose numbers, flattened, are as many as the layer takes."""
    fits = _linear(failure, "")
    shape: tuple[int, ...] = fits["x"].shape if fits else ()
    return fits if fits and len(shape) > 2 and math.prod(shape[1:]) == fits["wanted"] else None


def _two_shapes(failure: Failure, _: str) -> Bindings | None:
    tensors = [one for one in _used(failure) if one.shape]
    # By name, so that each pair comes once.
    pairs = ((one, other) for one in tensors for other in tensors if one.name < other.name and one.shape != other.shape)
    pair = next(pairs, None)
    return None if pair is None else {"a": pair[0], "b": pair[1]}


def _column(failure: Failure, _: str) -> Bindings | None:
    """A column (n, 1) beside a row (n,): their difference is (n, n), and nothing fails."""
    variables = _all(failure)
    for column in variables:
        shape = column.shape or ()
        # With a single row nothing is broadcast, so nothing is wrong.
        if len(shape) != 2 or shape[1] != 1 or shape[0] == 1:
            continue
        for flat in variables:
            # Only what training computes: a column beside a row in a table is common, and harmless.
            if flat.shape == shape[:1] and (flat.facts.get("graph") or column.facts.get("graph")):
                return {"column": column, "flat": flat, "n": shape[0]}
    return None


def _channels_last(failure: Failure, _: str) -> Bindings | None:
    return _first(
        one
        for one in _used(failure)
        if one.shape and len(one.shape) in (3, 4) and one.shape[-1] in (1, 3, 4) and one.shape[-3] > 4
    )


def _channels(failure: Failure, argument: str) -> Bindings | None:
    return _first(
        one
        for one in _used(failure)
        if one.shape and len(one.shape) >= 3 and one.shape[-3] == int(argument) and one.shape[-1] > 4
    )


def _devices(failure: Failure, _: str) -> Bindings | None:
    placed = [one for one in _used(failure) if one.device]
    other = [one for one in placed if one.device != placed[0].device]
    return {"a": placed[0], "b": other[0]} if other else None


def _shadowed(failure: Failure, _: str) -> Bindings | None:
    """A variable that has the name of a function of Python's."""
    builtins = {"list", "dict", "set", "str", "int", "float", "sum", "max", "min", "len", "input", "print", "range"}
    # A variable called `list` is bad style; it is the cause only where the failing line calls it.
    called = re.findall(r"(\w+)\(", failure.line)
    return _first(one for one in _all(failure) if one.name in builtins and one.name in called)


def _activation(failure: Failure, argument: str) -> Bindings | None:
    """A model whose last layer is of a kind, beside a loss that applies it again."""
    last, _, loss = argument.partition("+")
    if not (re.search(loss, failure.source) or any(re.search(loss, one.kind) for one in _all(failure))):
        return None
    ends = (one for one in _modules(failure) if one.facts["layers"] and one.facts["layers"][-1]["kind"] == last)
    return _first(ends) or _code(failure, rf"{loss}\W+(F\.|torch\.)?{last.lower()}\(")


def _frozen(failure: Failure, _: str) -> Bindings | None:
    return _first(one for one in _modules(failure) if one.facts["parameters"] and not one.facts["trainable"])


def _zero_lr(failure: Failure, _: str) -> Bindings | None:
    return _first(one for one in _optimizers(failure) if all(lr == 0 for lr in one.facts["lr"]))


def _other_optimizer(failure: Failure, _: str) -> Bindings | None:
    """An optimizer that has no parameter of any model here."""
    # A loss with weights of its own is a module, too, and seldom trained.
    models = [one for one in _modules(failure) if one.facts["parameters"] and "Loss" not in one.kind]
    strays = [one for one in _optimizers(failure) if not one.facts.get("models")]
    return {"x": strays[0], "model": models[0]} if models and strays else None


def _dead(failure: Failure, _: str) -> Bindings | None:
    """Every gradient is exactly 0: nothing arrives through units that are off for each input."""
    return _first(
        one
        for one in _modules(failure)
        if one.facts["grads"]
        and one.facts["zero_grads"]
        # All but one: the last layer's bias has a gradient even where every unit below it is off.
        and one.facts["zero_grads"] >= one.facts["grads"] - 1
        and any(layer["kind"] == "ReLU" for layer in one.facts["layers"])
    )


def _evaluation(failure: Failure, argument: str) -> Bindings | None:
    """`mode:train` or `mode:eval`: a model with dropout or batch norm that is in this mode."""
    for model in _modules(failure):
        layers = [layer for layer in model.facts["layers"] if re.match("Dropout|BatchNorm", layer["kind"])]
        if layers and model.facts["training"] == (argument == "train"):
            return {"x": model, "layer": layers[0]["kind"]}
    return None


def _left_training(failure: Failure, _: str) -> Bindings | None:
    return _evaluation(failure, "train") if _code(failure, r"no_grad|inference_mode|accuracy") is not None else None


def _never_trained_mode(failure: Failure, _: str) -> Bindings | None:
    """A model is trained after `eval()`, and `train()` is called nowhere after it."""
    # In the order of the text, which is that of running in a script without functions. A loop can mislead it, so it is
    # one sign of two.
    after = failure.source.partition(".eval()")[2]
    stays = ".backward()" in after and ".train()" not in after
    return _evaluation(failure, "eval") if stays else None


def _unregistered(failure: Failure, _: str) -> Bindings | None:
    for model in _modules(failure):
        if model.facts.get("lists"):
            return {"x": model, "list": model.facts["lists"][0]}
    return None


def _not_finite(failure: Failure, _: str) -> Bindings | None:
    broken = [one for one in _all(failure) if one.facts.get("finite") is False]
    # A model that is broken makes all else NaN: it is named first.
    models = [one for one in broken if "trainable" in one.facts]
    return _first(iter([*models, *broken]))


def _unshuffled(failure: Failure, _: str) -> Bindings | None:
    return _first(
        one
        for one in _loaders(failure)
        if not one.facts["shuffled"] and re.search("train", one.name) and one.facts["length"] > 1
    )


def _same_data(failure: Failure, _: str) -> Bindings | None:
    """What trains and what judges are the same data."""
    held: dict[str, Variable] = {}
    for one in _all(failure):
        first = one.facts.get("data")
        if first is None:
            continue
        # Two loaders of one data set are common; one that is named for validation should not be among them.
        if first in held and re.search("valid|test", f"{one.name} {held[first].name}"):
            return {"a": held[first], "b": one}
        held.setdefault(first, one)
    return None


def _one_class(failure: Failure, _: str) -> Bindings | None:
    return _first(
        one
        for one in _all(failure, "Tensor|ndarray")
        # By the name, since nothing in the numbers tells targets from others.
        if one.facts.get("constant") and one.facts.get("whole") and re.search("target|label|^y", one.name)
    )


def _from_one(failure: Failure, _: str) -> Bindings | None:
    """Class indices that start at 1, beside outputs with a column more than there are classes, or an error."""
    return _first(
        one
        for one in _all(failure, "Tensor|ndarray")
        if one.facts.get("from_one") and one.facts["classes"] > 1 and re.search("target|label|^y", one.name)
    )


def _bytes(failure: Failure, _: str) -> Bindings | None:
    """Images from 0 to 255 that a model is trained on."""
    inputs = [one for one in _all(failure, "Tensor|ndarray") if one.facts.get("bytes") and one.shape]
    images = (one for one in inputs if len(one.shape or ()) >= 2 and re.search("image|input|^x", one.name.lower()))
    return _first(images) if _modules(failure) else None


def _kept_graphs(failure: Failure, _: str) -> Bindings | None:
    return _first(one for one in _all(failure, "list") if one.facts.get("graph"))


def _flat(failure: Failure, _: str) -> Bindings | None:
    return _first(one for one in _all(failure, "list") if one.facts.get("flat") and "loss" in one.name)


def _no_zero_grad(failure: Failure, _: str) -> Bindings | None:
    trains = _code(failure, r"\.backward\(\)[\s\S]*\.step\(\)|\.step\(\)[\s\S]*\.backward\(\)")
    return {} if trains is not None and "zero_grad" not in failure.source else None


def _softmax_axis(failure: Failure, _: str) -> Bindings | None:
    """A softmax over the batch: the rows do not sum to one, the columns are shares."""
    match = re.search(r"(\w+)\s*=.*softmax\(.*(?:dim|axis)=0", failure.source)
    if match is None or match[1] not in failure.variables:
        return None
    variable = failure.variables[match[1]]
    return {"x": variable} if len(variable.shape or ()) == 2 and not variable.facts.get("rows_sum_to_one") else None


def _overflowed(failure: Failure, _: str) -> Bindings | None:
    # Bytes beside no sum, difference or product are what images are.
    match = re.search(r"(\w+)\s*=\s*(\w+)\s*([-+*])\s*(\w+)", failure.source)
    bytes_used = (one for one in _all(failure) if one.dtype == "uint8" and match and one.name in match.groups())
    return _first(bytes_used)


def _wide(failure: Failure, _: str) -> Bindings | None:
    """A model or its data in float64, which nobody chose: numpy's default."""
    wide = (
        one for one in _all(failure) if one.dtype == "float64" and ("trainable" in one.facts or "device" in one.facts)
    )
    return _first(wide) if _modules(failure) else None


def _own_module(failure: Failure, _: str) -> Bindings | None:
    """A module that is a file beside the script."""
    match = re.search(r"module '(\w+)' has no attribute", failure.message)
    for one in _all(failure, "module"):
        file = one.facts.get("file", "")
        if match and one.name == match[1] and "site-packages" not in file and file.endswith(f"{one.name}.py"):
            return {"x": one, "file": f"{one.name}.py"}
    return None


def _bom(failure: Failure, _: str) -> Bindings | None:
    return _first(one for one in _used(failure) if one.facts.get("bom"))


def _message(failure: Failure, argument: str) -> Bindings | None:
    match = re.search(argument, failure.message, flags=re.DOTALL)
    return None if match is None else {name: text for name, text in match.groupdict().items() if text is not None}


CHECKS: dict[str, Callable[[Failure, str], Bindings | None]] = {
    "activation": _activation,
    "bom": _bom,
    "bytes": _bytes,
    "channels": _channels,
    "channels_last": _channels_last,
    "code": _code,
    "column": _column,
    "dead": _dead,
    "devices": _devices,
    "dims": _dims,
    "dtype": _dtype,
    "fact": _fact,
    "flat": _flat,
    "from_one": _from_one,
    "frozen": _frozen,
    "kept_graphs": _kept_graphs,
    "kind": _kind,
    "left_training": _left_training,
    "line": _line,
    "linear": _linear,
    "message": _message,
    "mode": _evaluation,
    "never_trained_mode": _never_trained_mode,
    "no_code": _no_code,
    "no_zero_grad": _no_zero_grad,
    "not_finite": _not_finite,
    "one_class": _one_class,
    "one_column": _one_column,
    "other_optimizer": _other_optimizer,
    "overflowed": _overflowed,
    "own_module": _own_module,
    "same_data": _same_data,
    "shadowed": _shadowed,
    "softmax_axis": _softmax_axis,
    "two_shapes": _two_shapes,
    "unflattened": _unflattened,
    "unregistered": _unregistered,
    "unshuffled": _unshuffled,
    "wide": _wide,
    "zero_lr": _zero_lr,
}
