"""A graph in int8: a third of the size, and faster on many items, where it stays as accurate.

Weights get a scale a channel, activations a range that is measured on training rows (static quantisation; Jacob et al.
2018, arXiv:1712.05877). Whether it is kept is decided on the validation rows, by the main metric of the task.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from headway.as_json import as_json
from headway.bundle.graph import Graph
from headway.bundle.predictor import GRAPH_DISTANCE, GRAPH_INPUT, GRAPH_OUTPUT
from headway.data.dataset import Part
from headway.errors import ConfigError
from headway.inputs.base import Input

if TYPE_CHECKING:
    import onnx

__all__ = ["MAX_LOSS", "QuantizeName", "Quantized", "check_quantize", "graph_outputs", "quantize_graph", "spread_rows"]

QuantizeName = Literal["int8"]

# What int8 may cost on validation rows where the main metric is a share, such as accuracy.
MAX_LOSS = 0.005

# What it may cost where the metric is in the target's unit, as a share of it.
MAX_WORSE = 0.01

NUM_CALIBRATION = 128
# onnxruntime keeps every activation of every calibration batch until it has seen the last of them.
CALIBRATION_BATCH = 16


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """The graph to write, in int8 if `is_kept`; what was measured to choose it, as JSON values and in a sentence."""

    graph: bytes
    is_kept: bool
    facts: dict[str, Any]
    note: str


def check_quantize(name: str | None, input: Input | None = None) -> None:
    """Raises a ConfigError where it is neither None nor "int8", or where int8 has nothing to gain."""
    if name not in (None, "int8"):
        fix = 'Pass quantize="int8", or leave it out for float32.'
        raise ConfigError('`quantize` must be "int8".', given=repr(name), fix=fix)
    if name and input is not None and not input.can_quantize:
        what = f"`quantize` is not available for models of {input.nouns}: their graph is small and fast already."
        raise ConfigError(what, given=f"quantize={name!r}", fix="Leave `quantize` out.")


def quantize_graph(graph: bytes, *, train: Part, valid: Part) -> Quantized:
    """The graph in int8 if that costs at most `MAX_LOSS` or `MAX_WORSE` of the main metric on valid, else as it is.

    The ranges of activations are measured on at most 128 rows of train.
    """
    target, small = valid.data.target, _quantized(graph, train)
    metrics, targets = target.metrics(), target.view(valid.placed_at(np.arange(len(valid))), valid.data.input)
    before, after = (
        metrics.score(np.concatenate([target.keep(outputs) for outputs in graph_outputs(tried, valid)]), targets)
        for tried in (graph, small)
    )
    loss = (before - after) * (1 if metrics.higher_is_better else -1)
    # NaN, the score where valid lacks a class, compares as false.
    # Rounding of sums must not decide at the very limit.
    is_kept = bool(loss <= (MAX_LOSS if metrics.is_share else MAX_WORSE * abs(before)) + 1e-9)
    facts: dict[str, Any] = {
        "asked": "int8",
        "kept": "int8" if is_kept else "float32",
        "valid_items": len(valid),
        "float32": {metrics.main: as_json(before), "bytes": len(graph)},
        "int8": {metrics.main: as_json(after), "bytes": len(small)},
    }
    limit = "0.5 points" if metrics.is_share else "1 %"
    note = (
        f"{'The graph is in int8' if is_kept else f'The graph was kept in float32: int8 loses over {limit}'} "
        f"({metrics.main.replace('_', ' ')} on valid {after:.4f} instead of {before:.4f}; "
        f"{len(small) / 1e6:.1f} MB instead of {len(graph) / 1e6:.1f} MB)."
    )
    return Quantized(graph=small if is_kept else graph, is_kept=is_kept, facts=facts, note=note)


def graph_outputs(graph: bytes, part: Part, output: str = GRAPH_OUTPUT) -> Iterator[np.ndarray]:
    """One of a graph's outputs for all rows of a part, batch by batch."""
    session = Graph(graph)
    for inputs in _batches(part, np.arange(len(part)), size=32):
        yield np.asarray(session.run([output], {GRAPH_INPUT: inputs})[0])


def spread_rows(part: Part, count: int) -> np.ndarray:
    """Positions of at most so many rows, spread evenly over the classes."""
    by_class = np.argsort(np.array(part.data.target.strata(part.items)), kind="stable")
    return by_class[np.linspace(0, len(part) - 1, min(count, len(part))).astype(np.int64)]


def _batches(part: Part, positions: np.ndarray, *, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(positions), size):
        yield np.ascontiguousarray(part.data.input.view(part.canvases(positions[start : start + size])))


def _quantized(graph: bytes, train: Part) -> bytes:
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    batches = _batches(train, spread_rows(train, NUM_CALIBRATION), size=CALIBRATION_BATCH)

    class Calibration(CalibrationDataReader):
        def get_next(self) -> Any:
            inputs = next(batches, None)
            return None if inputs is None else {GRAPH_INPUT: inputs}

    with tempfile.TemporaryDirectory(prefix="headway-int8-") as folder:
        source, plain, small = (Path(folder, f"{name}.onnx") for name in ("source", "plain", "small"))
        source.write_bytes(graph)
        quant_pre_process(source, plain, skip_symbolic_shape=True)
        quantize_static(
            plain,
            small,
            Calibration(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            # Processors without instructions for int8 add pairs of products in 16 bits, which full weights would
            # overflow. With weights of 7 bits every processor gets the same sums.
            reduce_range=True,
            nodes_to_exclude=_kept_in_float(onnx.load(plain)),
        )
        return onnx.load(small).SerializeToString(deterministic=True)


def _kept_in_float(model: onnx.ModelProto) -> list[str]:
    """Nodes before the network and of its head, and those for the distance: little work, and rounding shows in them.

    A spectrogram's powers lie so far apart that of 256 steps hardly one would be left for most of them.
    """
    made_by = {name: node for node in model.graph.node for name in node.output}

    def behind(name: str, *, up_to: tuple[str, ...] = ()) -> set[str]:
        nodes, waiting = set(), [name]
        while waiting:
            node = made_by.get(waiting.pop())
            if node is not None and node.name not in nodes:
                nodes.add(node.name)
                waiting += [] if node.op_type in up_to else node.input
        return nodes

    weights = {tensor.name for tensor in model.graph.initializer if tensor.name.startswith("model.")}
    network: set[str] = set()
    # In a graph's order each node comes after those that it reads from.
    for node in model.graph.node:
        if not weights.isdisjoint(node.input) or any(
            made_by[name].name in network for name in node.input if name in made_by
        ):
            network.add(node.name)
    before = {node.name for node in model.graph.node} - network
    head = behind(GRAPH_OUTPUT, up_to=("Gemm", "MatMul", "Conv"))
    return sorted(before | head | behind(GRAPH_DISTANCE) - behind(GRAPH_OUTPUT))
