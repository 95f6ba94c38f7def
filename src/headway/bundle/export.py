"""From a torch model to a bundle: one graph that takes items as they are read and gives probabilities or numbers.

The graph is made by torch's exporter and then run by onnxruntime, at batches of one and of three, and compared with
torch before anything is written.
"""

from __future__ import annotations

import copy
import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from headway.bundle.fields import CHECK_TOLERANCE
from headway.bundle.format import INPUT_DTYPES, Check, pack_check, write_bundle
from headway.bundle.graph import Graph
from headway.bundle.out_of_distribution import Distance, Familiar
from headway.bundle.predictor import (
    GRAPH_DISTANCE,
    GRAPH_INPUT,
    GRAPH_LOGITS,
    GRAPH_MEMORY,
    GRAPH_NEW_MEMORY,
    GRAPH_OUTPUT,
    sampled,
)
from headway.bundle.quantize import quantize_graph
from headway.data.dataset import Data
from headway.errors import BundleError, HeadwayError, ShapeError
from headway.inputs.base import Input, model_order
from headway.system.versions import library_versions
from headway.targets.base import Target
from headway.train.batchnorm_fusion import folded

__all__ = ["EXPORT_TOLERANCE", "INT8_TOLERANCE", "NUM_CHECKS", "export_bundle", "export_program"]

NUM_CHECKS = 3
# How far an answer from onnxruntime may be from torch's. Both compute in float32; 1e-6 is usual.
EXPORT_TOLERANCE = 1e-3
# What the check of a graph in int8 allows: where a processor rounds the other way, a value moves by a whole step.
INT8_TOLERANCE = 0.2
# Numbers of a step before the model, at most, that a manifest holds: a mean a channel, and no matrix.
MAX_PREPARE = 16


def export_bundle(
    path: str | os.PathLike[str],
    *,
    model: nn.Module,
    prepare: nn.Module,
    input: Input,
    target: Target,
    examples: np.ndarray,
    manifest: dict[str, Any],
    card: str,
    familiar: Familiar | None = None,
    quantize: Data | None = None,
) -> Path:
    """Writes `model.headway`: the weights, the graph, a check of it, the card and the manifest.

    The model is copied, and the copy exported in float32 on the CPU in evaluation mode. The model may lie on any
    device, in any memory format, and be compiled.

    Args:
        path: Where to; folders above it are made.
        model: Prepared inputs, such as float32 `[batch, channels, height, width]`, to outputs `[batch, outputs]`.
        prepare: Items with their channels first, for photos float32 of 0 to 255, to the model's inputs.
        input: Fitted.
        target: Fitted; what turns outputs into answers, such as a softmax, comes with it.
        examples: At least 3 items, as `input.collate` gives them. The first three become the bundle's own check, so
            they are to be read by whoever has the bundle.
        manifest: What else to write down, as plain JSON values.
        card: The model card, Markdown.
        familiar: Left out where the model is more than its linear head on its body.
        quantize: Data to quantise the graph to int8 with; it stays in float32 where that costs accuracy.

    Raises:
        ShapeError: If the model's outputs have the wrong shape.
        BundleError: If the model cannot be turned into a graph, or the graph's probabilities are not the model's.
    """
    _check_examples(examples, input)
    inputs = np.ascontiguousarray(examples[:NUM_CHECKS])
    with _quiet(), torch.no_grad():
        served = _Served(prepare, model, target.objective().activate, familiar.distance if familiar else None, input)
        graph, answers = _exported(served, target, input, torch.from_numpy(inputs))
        # Dropped where the model turned out to be more than its head on its body.
        familiar = familiar if served.distance else None
        result = quantize_graph(graph, train=quantize.train, valid=quantize.valid) if quantize else None
    if result:
        if not result.is_kept:
            warnings.warn(result.note, stacklevel=3)
        graph, answers = result.graph, _run(Graph(result.graph), inputs)
    # By the graph that is written, whichever it is: the check says what this one gives.
    outputs, *others = answers
    files = {
        "weights.safetensors": _weights(served.model),
        "model.onnx": graph,
        "check.npz": pack_check(Check(inputs, sampled(outputs), *(others if familiar else ()))),
        "card.md": card.encode(),
    }
    facts: dict[str, Any] = {
        "input": input.to_json(),
        "target": target.to_json(),
        "prepare": _small(prepare),
        "familiar": familiar.facts(graph) if familiar else None,
        "check_tolerance": INT8_TOLERANCE if result and result.is_kept else CHECK_TOLERANCE,
        "quantization": result.facts if result else None,
        "versions": library_versions(),
    }
    return write_bundle(path, manifest={**manifest, **facts}, files=files)


def export_program(
    path: str | os.PathLike[str],
    *,
    model: nn.Module,
    prepare: nn.Module,
    input: Input,
    target: Target,
    example: np.ndarray,
) -> None:
    """Writes what `export_bundle` makes a graph of as a program of `torch.export`, which `torch.export.load` opens.

    Args:
        path: Where to, usually ending in `.pt2`.
        model: As for `export_bundle`, as are the other arguments.
        prepare: What comes before it.
        input: Fitted.
        target: Fitted.
        example: A few items, as `input.collate` gives them.

    Raises:
        BundleError: If the model cannot be turned into a program.
    """
    with _quiet(), torch.no_grad(), _explained(model):
        served = _Served(prepare, model, target.objective().activate, None, input)
        torch.export.save(_program(served, torch.from_numpy(np.ascontiguousarray(example)), input)[0], path)


def _small(prepare: nn.Module) -> dict[str, list[float]]:
    """What comes before the model, where that is a few numbers, such as a mean a channel."""
    buffers = {name: value for name, value in prepare.state_dict().items() if value.numel() <= MAX_PREPARE}
    return {name: value.flatten().tolist() for name, value in buffers.items() if value.is_floating_point()}


@contextmanager
def _explained(model: nn.Module) -> Iterator[None]:
    """A context in which whatever a stranger's module raises inside torch's tracer is a BundleError."""
    try:
        yield
    except HeadwayError:
        raise
    except Exception as error:
        what = "The model cannot be turned into an ONNX graph."
        fix = "In `forward` use only tensor operations that depend neither on the batch size nor on values."
        raise BundleError(what, given=f"{type(model).__name__}: {_cause(error)}", fix=fix) from error


def _exported(served: _Served, target: Target, input: Input, inputs: Tensor) -> tuple[bytes, list[np.ndarray]]:
    """The model's graph and what it gives, compared with the model at batches of one and of three."""
    with _explained(served.model):
        served.drop_distance(inputs)
        expected = served(inputs, *served.memories(len(inputs)))
        _check_outputs(expected[0], target)
        if not served.memory_axes:
            _out_of_place(served, inputs, expected=expected)
        with _folded(served, inputs):
            graph = _to_onnx(served, inputs, input)
        # What was fixed at the example's number of items fails at another.
        opened = Graph(graph)
        single, several = _run(opened, inputs[:1].numpy()), _run(opened, inputs.numpy())
    for wanted, one, many in zip(expected, single, several, strict=True):
        _compare(one, wanted[:1].numpy())
        _compare(many, wanted.numpy())
    return graph, several


class _Served(nn.Module):
    """Items as they are read to answers `[batch, outputs]` and, where there is one, a distance: float32, on the CPU."""

    def __init__(
        self, prepare: nn.Module, model: nn.Module, activate: nn.Module, distance: Distance | None, input: Input
    ) -> None:
        super().__init__()
        self.order = model_order(input.axes)
        self.has_pixels = "channels" in input.axes and input.dtype == np.uint8
        # torch.compile wraps a module, and the wrapper cannot be traced.
        self.model = copy.deepcopy(getattr(model, "_orig_mod", model))
        self.prepare = copy.deepcopy(prepare)
        self.activate = copy.deepcopy(activate)
        self.distance = copy.deepcopy(distance)
        # By position, those axes of what the model goes on from that have no fixed length; none for most models.
        self.memory_axes: dict[int, str] = getattr(self.model, "memory_axes", {})
        self.to("cpu", torch.float32).to(memory_format=torch.contiguous_format).requires_grad_(False).eval()

    def forward(self, inputs: Tensor, memory: Tensor | None = None) -> tuple[Tensor, ...]:
        prepared = self.prepared(inputs)
        if memory is not None:
            outputs, logits, new = self.model(prepared, memory)
            return self.activate(outputs), logits, new
        if self.distance is None:
            return (self.activate(self.model(prepared)),)
        features, outputs = self._by_parts(prepared)
        return self.activate(outputs), self.distance(features, outputs)

    def memories(self, batch: int) -> tuple[Tensor, ...]:
        """What the model goes on from, before it has read anything; nothing for most models."""
        model: Any = self.model
        return (model.empty_memory(batch),) if self.memory_axes else ()

    def drop_distance(self, inputs: Tensor) -> None:
        """Leaves the distance out where the model is more than its head on its body."""
        prepared = self.prepared(inputs)
        if self.distance is not None and not torch.allclose(
            self.model(prepared), self._by_parts(prepared)[1], atol=1e-4
        ):
            self.distance = None

    def prepared(self, inputs: Tensor) -> Tensor:
        inputs = inputs.permute(self.order)
        # A user's own layers may not take whole numbers as pixels; what else a field reads means what it is.
        return self.prepare(inputs.float() if self.has_pixels else inputs)

    def _by_parts(self, prepared: Tensor) -> tuple[Tensor, Tensor]:
        features = self.model.get_submodule("body")(prepared)
        return features, self.model.get_submodule("head")(features)


def _program(
    served: _Served, inputs: Tensor, input: Input
) -> tuple[torch.export.ExportedProgram, tuple[dict[int, str], ...]]:
    """The model as torch traces it, and which axes of its arguments have any length, by their names."""
    names = {0: "batch", **{axis: name.rstrip("*") for axis, name in enumerate(input.axes, 1) if name.endswith("*")}}
    lengths = [max(length, 2) if axis in names else length for axis, length in enumerate(inputs.shape)]
    # With an example of length one along a dynamic axis, some layers come out fixed at one.
    example = inputs if list(inputs.shape) == lengths else inputs.new_zeros(lengths)
    axes, examples = (names,), (example, *served.memories(len(example)))
    if served.memory_axes:
        # Something was read before: of a memory of length 0 the exporter would make a constant.
        past = served(*examples)[2]
        examples, axes = (example, past), (names, served.memory_axes)
    sizes = {name: torch.export.Dim(name) for every in axes for name in every.values()}
    dynamic = tuple({axis: sizes[name] for axis, name in every.items()} for every in axes)
    # Without `strict` it runs the model as it is; with it, it would refuse much of what users' modules do.
    return torch.export.export(served, examples, dynamic_shapes=dynamic, strict=False), axes


def _to_onnx(served: _Served, inputs: Tensor, input: Input) -> bytes:
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    program, axes = _program(served, inputs, input)
    onnx_program = torch.onnx.export(
        program,
        input_names=[GRAPH_INPUT, GRAPH_MEMORY][: len(axes)],
        output_names=[GRAPH_OUTPUT, *_others(served)],
        dynamic_shapes=axes,
        external_data=False,
        verbose=False,
    )
    assert onnx_program is not None
    # Each node would carry lines and paths of the source code that made it.
    ClearMetadataAndDocStringPass()(onnx_program.model)
    # The same model gives the same bytes, and so the same hash.
    return onnx_program.model_proto.SerializeToString(deterministic=True)


def _others(served: _Served) -> list[str]:
    """What the graph gives beside its answers."""
    if served.memory_axes:
        return [GRAPH_LOGITS, GRAPH_NEW_MEMORY]
    return [GRAPH_DISTANCE] if served.distance else []


def _folded(served: _Served, inputs: Tensor) -> AbstractContextManager[object]:
    """A context in which each batch normalisation is a part of the convolution before it."""
    # The exporter folds them too, but at its end: for efficientnet_lite0 this saves 3 of 8 seconds.
    return nullcontext() if served.memory_axes else folded(served.model, served.prepared(inputs))


def _out_of_place(served: nn.Module, inputs: Tensor, *, expected: tuple[Tensor, ...]) -> None:
    """Turns off `inplace=True` where that changes nothing."""
    # The exporter takes in-place activations apart slowly: for efficientnet_lite0 this saves 2 of 6 seconds.
    changed: list[Any] = [module for module in served.modules() if getattr(module, "inplace", False) is True]
    for module in changed:
        module.inplace = False
    if not all(map(torch.equal, served(inputs), expected)):
        for module in changed:
            module.inplace = True


def _run(graph: Graph, inputs: np.ndarray) -> list[np.ndarray]:
    return [np.asarray(output) for output in graph.run(None, {GRAPH_INPUT: inputs})]


def _check_examples(examples: np.ndarray, input: Input) -> None:
    if np.dtype(input.dtype).name not in INPUT_DTYPES:
        what, fix = "A bundle cannot hold items of this dtype.", f"Let `read` give one of {', '.join(INPUT_DTYPES)}."
        raise BundleError(what, given=f"{type(input).__name__} with {np.dtype(input.dtype)}", fix=fix)
    if examples.dtype != input.dtype or len(examples) < NUM_CHECKS:
        what = f"`examples` must be {np.dtype(input.dtype)} [items, ...] with at least {NUM_CHECKS} items."
        given = f"{examples.dtype} {list(examples.shape)}"
        raise ShapeError(what, given=given, fix="Pass a few items as `input.read` gives them.")


def _check_outputs(answers: Tensor, target: Target) -> None:
    wanted = (NUM_CHECKS, target.num_outputs)
    if answers.shape[:2] != wanted:
        raise ShapeError(
            f"The model must give {target.num_outputs} numbers for each item, such as one logit a class.",
            given=f"outputs {list(answers.shape)} for {NUM_CHECKS} items",
            fix=f"End the model with a layer of {target.num_outputs} outputs.",
        )
    if not answers.isfinite().all():
        raise BundleError(
            "The model gives NaN instead of answers, so it was not written.",
            given=f"{int((~answers.isfinite()).sum())} of {answers.numel()} numbers",
            fix="Train again with a lower learning rate.",
        )


def _compare(outputs: np.ndarray, expected: np.ndarray) -> None:
    # Probabilities as they are; other numbers as a share of the largest.
    difference = float(np.abs(outputs - expected).max() / max(1.0, float(np.abs(expected).max())))
    # Not `>`, which is false for NaN.
    if not difference <= EXPORT_TOLERANCE:
        raise BundleError(
            "The exported graph does not give the model's answers, so it was not written.",
            given=f"a largest difference of {difference:.2g}; the limit is {EXPORT_TOLERANCE:g}",
            fix="Let nothing in `forward` be random or depend on the rest of the batch.",
        )


def _weights(model: nn.Module) -> bytes:
    # Tied weights are written once for each name, so that `load_state_dict` finds all of them.
    state = {name: value.clone(memory_format=torch.contiguous_format) for name, value in model.state_dict().items()}
    return safetensors.torch.save(state)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the exporter's warnings, log lines and prints from the user, who can do nothing about them."""
    before = logging.root.manager.disable
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {line[:300]}" if line else type(error).__name__
