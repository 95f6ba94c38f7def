"""A bundle's answers in plain numpy: its graph, a line for each operator, and the weights that the file holds."""

from __future__ import annotations

import io
import json
import keyword
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from headway.bundle.format import read_bundle, unpack_check
from headway.peel.facts import refuse
from headway.peel.method import call_of
from headway.peel.source import Writer
from headway.peel.write import Peeled

__all__ = ["graph_in_numpy"]


def conv(
    inputs: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, strides: Sequence[int], pads: Sequence[int]
) -> np.ndarray:
    """A convolution: of each window of the padded input the product with every filter."""
    padded = np.pad(inputs, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(2, 3))
    outputs = np.einsum("bchwij,ocij->bohw", windows[:, :, :: strides[0], :: strides[1]], weight, optimize=True)
    return outputs if bias is None else outputs + bias[:, None, None]


def softmax(logits: np.ndarray, axis: int) -> np.ndarray:
    """Probabilities."""
    exponents = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return exponents / exponents.sum(axis=axis, keepdims=True)


def end(weights: Any, answer: Callable[[np.ndarray], np.ndarray]) -> None:
    difference = np.abs(answer(weights["check.inputs"]) - weights["check.outputs"]).max()
    print(f"the largest difference from the bundle's own check: {difference:.1e}")


# What stands for an operator: of its inputs, and of its attributes.
_SIMPLE = {
    "Add": "{0} + {1}",
    "Sub": "{0} - {1}",
    "Mul": "{0} * {1}",
    "Div": "{0} / {1}",
    "Pow": "{0} ** {1}",
    "MatMul": "{0} @ {1}",
    "Min": "np.minimum({0}, {1})",
    "Max": "np.maximum({0}, {1})",
    "Relu": "np.maximum({0}, 0)",
    "Exp": "np.exp({0})",
    "Sqrt": "np.sqrt({0})",
    "Abs": "np.abs({0})",
    "Sign": "np.sign({0})",
    "Sigmoid": "1 / (1 + np.exp(-{0}))",
    "Softplus": "np.logaddexp({0}, 0)",
    "Identity": "{0}",
    "Equal": "{0} == {1}",
    "Where": "np.where({0}, {1}, {2})",
    "Clip": "np.clip({0}, {1}, {2})",
    "Unsqueeze": "np.expand_dims({0}, {1})",
    "Reshape": "np.reshape({0}, {1})",
    "Transpose": "np.transpose({0}, {perm})",
    "Concat": "np.concatenate([{all}], axis={axis})",
    "Gather": "np.take({0}, {1}, axis={axis})",
    "GatherND": "{0}[tuple(np.moveaxis({1}, -1, 0))]",
    "ReduceSum": "{0}.sum(axis={1}, keepdims={keepdims})",
    "ReduceMean": "{0}.mean(axis={1}, keepdims={keepdims})",
    "Softmax": "softmax({0}, axis={axis})",
}
_NUMPY_TYPES = {1: "np.float32", 6: "np.int32", 7: "np.int64", 9: "np.bool_"}


def graph_in_numpy(path: str | os.PathLike[str]) -> Peeled:
    """The file that computes a bundle's answers from what its reader gives, in numpy alone.

    Raises:
        BundleError: If that is no bundle.
        ConfigError: If its graph has an operator that is not written, as those of large networks.
    """
    import onnx
    from onnx import numpy_helper

    bundle = read_bundle(path)
    graph = onnx.load_from_string(bundle.files["model.onnx"]).graph
    check = unpack_check(bundle.files["check.npz"], source=path)
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = _needed(list(graph.node), "outputs")
    names = _Names(arrays)
    lines = [f"    {names.of(node.output[0])} = {_expression(node, names)}" for node in nodes]
    writer = Writer(known={}, inline=__name__)
    writer.imports |= {"import numpy as np", "from pathlib import Path"}
    writer.section("The operators that are more than a line.")
    for piece, operator in ((conv, "Conv"), (softmax, "Softmax")):
        if any(node.op_type == operator for node in nodes):
            writer.define(piece)
    read = 'with np.load(Path(__file__).with_suffix(".npz")) as file:\n    weights = dict(file)\n'
    begin = 'def answer(inputs: np.ndarray) -> np.ndarray:\n    """The answers for items as the bundle reads them."""\n'
    writer.sections += [
        ("What the bundle holds: its weights, and a few inputs with the answers that they must give.", [read]),
        ("The graph, a line for each operator.", [begin + "\n".join(lines) + f"\n    return {names.of('outputs')}\n"]),
    ]
    writer.section("The same answers?")
    writer.block(end)  # pyright: ignore[reportArgumentType]
    file = io.BytesIO()
    held = {name: arrays[name] for name in sorted(names.held)}
    np.savez(file, allow_pickle=False, **held, **{"check.inputs": check.inputs, "check.outputs": check.outputs})
    name = "".join(sign if sign.isalnum() or sign in " .-_" else "_" for sign in Path(path).name)
    return Peeled("numpy", writer.text(f"The answers of {name} in plain numpy."), {".npz": file.getvalue()})


class _Names:
    """What values are called; small constants are written as they are, larger ones are the bundle's weights."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays, self.held = arrays, set[str]()
        self._names = {"inputs": "inputs", "": "None"}

    def of(self, name: str) -> str:
        if name in self.arrays:
            array = self.arrays[name]
            # A graph's own constants, such as shapes; what was learned is a weight whatever its size.
            if array.size <= 4 and array.ndim < 2 and "." not in name:
                return repr(array.tolist() if array.ndim == 0 else tuple(array.tolist()))
            self.held.add(name)
            return f"weights[{json.dumps(name)}]"
        if name not in self._names:
            # A bundle may be a stranger's, and its names become code.
            is_plain = name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
            reserved = {"np", "weights", "answer", "conv", "softmax", "tuple", *self._names.values()}
            self._names[name] = name if is_plain and name not in reserved else f"value_{len(self._names)}"
        return self._names[name]


def _needed(nodes: list[Any], output: str) -> list[Any]:
    """The nodes that an output depends on, in order."""
    # From the end: what only another output needs, such as the distance from training data, is left out.
    wanted, chosen = {output}, []
    for node in reversed(nodes):
        if wanted & set(node.output):
            chosen.append(node)
            wanted |= set(node.input)
    return chosen[::-1]


def _expression(node: Any, names: _Names) -> str:
    import onnx

    attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    inputs = [names.of(name) for name in node.input]
    if node.op_type == "Conv" and attributes.get("group", 1) == 1 and set(attributes.get("dilations", [1])) == {1}:
        bias = inputs[2] if len(inputs) > 2 else "None"
        call = call_of("conv", *inputs[:2], bias, str(attributes["strides"]), str(attributes["pads"]))
        return call.replace("\n", "\n    ")
    if node.op_type == "Gemm" and attributes["alpha"] == attributes["beta"] == 1 and not attributes["transA"]:
        return f"{inputs[0]} @ {inputs[1]}{'.T' if attributes['transB'] else ''} + {inputs[2]}"
    if node.op_type == "Cast" and attributes["to"] in _NUMPY_TYPES:
        return f"{inputs[0]}.astype({_NUMPY_TYPES[attributes['to']]})"
    if node.op_type == "Slice":
        return _slice(inputs[0], *(names.arrays[name] for name in node.input[1:]))
    if node.op_type not in _SIMPLE or attributes.get("batch_dims", 0):
        refuse("numpy", f"operator {node.op_type}", fix='Pass layer="torch" with the run\'s folder.')
    inputs += ["None"] * (3 - len(inputs))
    if "keepdims" in attributes:
        attributes["keepdims"] = bool(attributes["keepdims"])
    given = [one for one in inputs if one != "None"]
    return _SIMPLE[node.op_type].format(*inputs, all=", ".join(given), **attributes)


def _slice(value: str, starts: np.ndarray, ends: np.ndarray, axes: np.ndarray, steps: np.ndarray) -> str:
    parts = [":"] * (int(axes.max()) + 1)
    for start, end, axis, step in zip(*(one.tolist() for one in (starts, ends, axes, steps)), strict=True):
        # Exporters write the end of an open slice as the largest number there is.
        until = "" if end > 2**31 else end
        parts[axis] = f"{start or ''}:{until}" + (f":{step}" if step != 1 else "")
    return f"{value}[{', '.join(parts)}]"
