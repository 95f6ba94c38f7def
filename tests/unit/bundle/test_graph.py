"""Graphs of strangers: operators that are not allowed, runs that do not end, and memory without bound."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from headway.bundle import graph as module
from headway.bundle.format import read_bundle, write_bundle
from headway.bundle.graph import Graph, GraphTimeout, check_operators
from headway.bundle.predictor import load
from headway.errors import BundleError
from tests.serve.server import GOLDEN

GOLDEN_FILES = read_bundle(GOLDEN).files


def added(nodes: list[Any], initializers: dict[str, np.ndarray], *, last: str, **options: Any) -> bytes:
    """The golden bundle's graph, with nodes whose `last` output, a number, is added to the outputs."""
    model = onnx.load_from_string(GOLDEN_FILES["model.onnx"])
    for node in model.graph.node:
        node.output[:] = ["inner" if name == "outputs" else name for name in node.output]
    model.graph.initializer.extend(onnx.numpy_helper.from_array(value, name) for name, value in initializers.items())
    model.graph.node.extend([*nodes, helper.make_node("Add", ["inner", last], ["outputs"])])
    model.opset_import.extend(helper.make_opsetid(domain, 1) for domain in options.get("domains", ()))
    return model.SerializeToString()


def bundle(folder: Path, graph: bytes) -> Path:
    files = {**GOLDEN_FILES, "model.onnx": graph}
    return write_bundle(folder / "model.headway", manifest=read_bundle(GOLDEN).manifest, files=files)


def loop(*, start: str) -> bytes:
    """A graph that goes round for 2^62 turns where the condition `start` holds, and is the golden one elsewhere."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["on_"]), helper.make_node("Add", ["x", "one"], ["x_"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("on_", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x_", TensorProto.FLOAT, []),
        ],
    )
    mean = [
        helper.make_node("Cast", ["inputs"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], keepdims=0),
        helper.make_node("Greater", ["mean", "bright"], ["on_white"]),
    ]
    numbers = {
        "turns": np.array(2**62),
        "always": np.array(True),
        "one": np.array(0, np.float32),
        "bright": np.array(230, np.float32),
        "zero": np.array(0, np.float32),
    }
    nodes = [
        *(mean if start == "on_white" else []),
        helper.make_node("Loop", ["turns", start, "zero"], ["end"], body=body),
    ]
    return added(nodes, numbers, last="end")


@pytest.mark.parametrize("start", ["always", "on_white"])
def test_a_graph_that_goes_round_for_ever_is_not_opened(start: str, tmp_path: Path) -> None:
    path = bundle(tmp_path, loop(start=start))
    with pytest.raises(BundleError) as error:
        load(path)
    assert str(error.value) == (
        "The bundle's graph cannot be opened (it has the operator 'Loop', which is not allowed).\n"
        f"  Given: {path}\n"
        "  Fix:   Copy it again from where it was made, or export it again."
    )


def refused(graph: bytes) -> str:
    with pytest.raises(ValueError, match=r"^it ") as error:
        check_operators(graph)
    return str(error.value)


def test_what_is_not_allowed_is_named() -> None:
    gelu = helper.make_node("Gelu", ["inner"], ["x"], domain="com.microsoft")
    assert refused(added([gelu], {}, last="x")) == "it has an operator of the domain 'com.microsoft'"
    noise = helper.make_node("RandomNormal", [], ["x"], shape=[1])
    assert refused(added([noise], {}, last="x")) == "it has the operator 'RandomNormal', which is not allowed"
    hidden = helper.make_node("Identity", ["inner"], ["x"])
    hidden.attribute.append(helper.make_attribute("body", helper.make_graph([], "inside", [], [])))
    assert refused(added([hidden], {}, last="x")) == "it has a graph inside of an operator"
    model = onnx.load_from_string(GOLDEN_FILES["model.onnx"])
    model.functions.append(helper.make_function("own", "F", [], [], [], []))
    assert refused(model.SerializeToString()) == "it has functions of its own"
    assert refused(b"\x3a\xff") == refused(b"\x3a") == "it is cut short"
    assert refused(b"\x3b\x00") == "it is not an ONNX file"


def test_a_second_graph_in_the_file_is_looked_at_too() -> None:
    # A message that is there twice is read as both together.
    twice = onnx.ModelProto()
    twice.graph.node.append(helper.make_node("If", ["x"], ["y"]))
    assert refused(GOLDEN_FILES["model.onnx"] + twice.SerializeToString()).startswith("it has the operator 'If'")
    # A key may have more bits than its 32; the rest is not read.
    key = b"\xba\x80\x80\x80\x10"
    body = twice.graph.SerializeToString()
    assert refused(key + bytes([len(body)]) + body).startswith("it has the operator 'If'")


def products(count: int) -> Graph:
    """A graph of large products, one after another, as allowed operators may be: minutes of work."""
    nodes = [
        helper.make_node("MatMul", ["inputs" if not turn else f"x{turn}", "w"], [f"x{turn + 1}"])
        for turn in range(count)
    ]
    graph = helper.make_graph(
        [*nodes, helper.make_node("Identity", [f"x{count}"], ["outputs"])],
        "products",
        [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["batch", 1200])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["batch", 1200])],
        [onnx.numpy_helper.from_array(np.eye(1200, dtype=np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return Graph(model.SerializeToString())


def test_a_run_is_ended_at_its_deadline_and_the_next_is_answered() -> None:
    graph = products(300)
    with pytest.raises(GraphTimeout, match=r"^The graph did not answer within 0\.2 s\.$"):
        graph.run(None, {"inputs": np.ones((1200, 1200), np.float32)}, seconds=0.2)
    for _ in range(100):
        if not graph.is_stuck:
            break
        time.sleep(0.05)
    assert not graph.is_stuck
    (outputs,) = graph.run(["outputs"], {"inputs": np.ones((1, 1200), np.float32)}, seconds=60)
    assert outputs.shape == (1, 1200)


def test_ctrl_c_ends_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = products(300)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module.Future, "result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        graph.run(None, {"inputs": np.ones((1200, 1200), np.float32)})
    for thread in threading.enumerate():
        if thread.name == "headway-graph":
            thread.join(30)
    assert not graph.is_stuck


def test_a_graph_gets_a_share_of_the_memory_and_no_more() -> None:
    shape = onnx.numpy_helper.from_array(np.array([2**44]), "shape")
    graph = helper.make_graph(
        [
            helper.make_node("ConstantOfShape", ["shape"], ["large"]),
            helper.make_node("ReduceSum", ["large"], ["sum"], keepdims=0),
            helper.make_node("Add", ["inputs", "sum"], ["outputs"]),
        ],
        "large",
        [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["batch"])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["batch"])],
        [shape],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    with pytest.raises(Exception, match=r"(?i)memory|alloc"):
        Graph(model.SerializeToString()).run(None, {"inputs": np.ones(1, np.float32)})
