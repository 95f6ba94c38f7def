"""Opens bundles whose hashes are right and whose contents are hostile: `python hostile.py COUNT FOLDER`.

Where `fuzz.py` changes bytes, this changes what they mean: values of the manifest, operators, attributes, weights and
shapes of the graph, the check's arrays. Prints a JSON line: how many were refused, how many answered, how many items
had an error in place of an answer. A crash, a hang or an answer that cannot be one ends it with a traceback.
"""

from __future__ import annotations

import io
import json
import random
import resource
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from headway.bundle import graph as graph_module
from headway.bundle.format import read_bundle, write_bundle
from headway.bundle.graph import OPERATORS
from headway.bundle.predictor import load
from headway.errors import BundleError, HeadwayError, ReadError

GOLDEN = Path(__file__).with_name("v1.headway")
MAX_BYTES = 2 * 10**9
IMAGES = np.random.default_rng(0).integers(0, 256, size=(4, 8, 8, 3), dtype=np.uint8)
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    10**30,
    1e308,
    -0.0,
    "",
    "\u202e",
    "\x1b[2J",
    "nan",
    [],
    {},
    [[[]]],
    ["a"] * 1000,
    {"kind": "image"},
    "x" * 100_000,
)
EXTREMES = (0.0, -1.0, 1e-30, 1e30, 3e38, np.nan, np.inf, -np.inf)


def manifests(manifest: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """One value anywhere in the manifest replaced, removed, or doubled under another name."""
    changed = deepcopy(manifest)
    parent: Any = changed
    while True:
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        key = draw.choice(keys)
        if key == "files" or not isinstance(parent[key], dict | list) or not parent[key] or draw.random() < 0.3:
            break
        parent = parent[key]
    match draw.randrange(4):
        case 0 if key != "files":
            del parent[key]
        case 1 if isinstance(parent, list):
            parent.append(parent[key])
        case _ if key != "files":
            parent[key] = draw.choice(VALUES)
    return changed


def graphs(graph: bytes, draw: random.Random) -> bytes:
    """One thing of the graph changed, in ONNX's own terms."""
    model = onnx.load_from_string(graph)
    nodes, weights = model.graph.node, model.graph.initializer
    node, weight = draw.choice(nodes), draw.choice(weights)
    match draw.randrange(9):
        case 0:
            node.op_type = draw.choice(sorted(OPERATORS))
        case 1:
            nodes.remove(node)
        case 2:
            others = [name for other in nodes for name in other.output]
            node.input[draw.randrange(len(node.input))] = draw.choice(others)
        case 3:
            values = onnx.numpy_helper.to_array(weight).copy()
            values.reshape(-1)[draw.randrange(max(values.size, 1)) :] = np.array(draw.choice(EXTREMES)).astype(
                values.dtype
            )
            weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
        case 4:
            weight.dims[:] = [draw.choice([0, 1, 2**31, -1, 2**62]), *weight.dims[1:]]
        case 5:
            for attribute in node.attribute:
                attribute.i = draw.choice([-(2**63), -1, 0, 7, 2**62])
                attribute.ints[:] = [draw.choice([-1, 0, 2, 10**6, 2**62]) for _ in attribute.ints]
        case 6:
            model.opset_import[0].version = draw.choice([0, 1, 7, 19, 99, 2**31])
        case 7:
            _enlarge(model.graph, draw.choice([10, 10**4, 10**6, 2**40]))
        case _:
            output = draw.choice(model.graph.output)
            output.type.tensor_type.elem_type = draw.randrange(30)
    return model.SerializeToString()


def _enlarge(graph: onnx.GraphProto, side: int) -> None:
    """Puts a large tensor between two operators."""
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([side, 100]), "side"))
    made = onnx.helper.make_node("ConstantOfShape", ["side"], ["large"])
    total = onnx.helper.make_node("ReduceSum", ["large"], ["total"], keepdims=0)
    for node in graph.node:
        node.output[:] = ["inner" if name == "outputs" else name for name in node.output]
    last = onnx.helper.make_node("Add", ["inner", "total"], ["outputs"])
    graph.node.extend([made, total, last])


def checks(check: bytes, draw: random.Random) -> bytes:
    """The check's arrays with other values, dtypes, shapes or names."""
    with np.load(io.BytesIO(check)) as file:
        arrays = {name: file[name] for name in file.files}
    name = draw.choice(list(arrays))
    values = arrays[name]
    changes: list[Callable[[], np.ndarray]] = [
        lambda: values.astype(draw.choice(["f8", "i4", "?", "c8", "U3", "u1"])),
        lambda: values[..., :0],
        lambda: values[:1],
        lambda: np.full_like(values, draw.choice([0, 1, 255])),
        lambda: values.T,
        lambda: np.concatenate([values] * 50),
    ]
    arrays[name] = draw.choice(changes)()
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def main(count: int, folder: Path) -> dict[str, int]:
    """As many bundles, a third of each kind."""
    golden, path, results = read_bundle(GOLDEN), folder / "model.headway", Counter[str]()
    expected = [answer.label for answer in load(GOLDEN).answer(IMAGES) if not isinstance(answer, ReadError)]
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_BYTES, MAX_BYTES))
    graph_module.MAX_SECONDS = 5.0
    # NaN as a whole number is one of the extremes.
    warnings.simplefilter("ignore", RuntimeWarning)
    for seed in range(count):
        draw, manifest, files = random.Random(seed), golden.manifest, dict(golden.files)
        kind = ("manifest", "graph", "check")[seed % 3]
        if kind == "manifest":
            manifest = manifests(manifest, draw)
        elif kind == "graph":
            files["model.onnx"] = graphs(files["model.onnx"], draw)
        else:
            files["check.npz"] = checks(files["check.npz"], draw)
        try:
            write_bundle(path, manifest=manifest, files=files)
        except (HeadwayError, KeyError, TypeError, ValueError, AttributeError):
            # What this version would not write is no test of what it reads.
            results["not written"] += 1
            continue
        try:
            answers = load(path).answer(IMAGES)
        except BundleError as error:
            if len(str(error).splitlines()) != 3:
                raise
            results["refused"] += 1
            continue
        results["answered"] += 1
        for answer in answers:
            if isinstance(answer, ReadError):
                results["items without an answer"] += 1
                continue
            json.dumps(answer.to_json(), allow_nan=False, ensure_ascii=False).encode()
            assert all(0 <= share <= 1.00001 for share in answer.probabilities.values()), seed
        if kind == "check":
            assert [answer.label for answer in answers if not isinstance(answer, ReadError)] == expected, seed
    return dict(results)


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), Path(sys.argv[2]))))
