"""Graphs of strangers: operators that are not allowed, runs that do not end, and memory without bound."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from headway.bundle import graph as module
from headway.bundle.format import read_bundle, write_bundle
from headway.bundle.graph import Graph, GraphTimeout, check_operators, provider_names
from headway.bundle.predictor import load
from headway.errors import BundleError, ConfigError
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
        helper.make_node("ReduceMean", ["floats"], ["brightness"], keepdims=0),
        helper.make_node("Greater", ["brightness", "bright"], ["on_white"]),
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
    """A graph of large products, one after another, as allowed operators may be: seconds of work."""
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


@pytest.mark.slow
def test_a_run_is_ended_at_its_deadline_and_the_next_is_answered() -> None:
    graph = products(300)
    with pytest.raises(GraphTimeout, match=r"^The graph did not answer within 0\.2 s\.$"):
        graph.run(None, {"inputs": np.ones((1200, 1200), np.float32)}, seconds=0.2)
    assert not graph.is_stuck
    (outputs,) = graph.run(["outputs"], {"inputs": np.ones((1, 1200), np.float32)}, seconds=60)
    assert outputs.shape == (1, 1200)


@pytest.mark.slow
def test_one_thread_ends_all_runs_each_at_its_own_deadline() -> None:
    graph, inputs = products(300), {"inputs": np.ones((1200, 1200), np.float32)}
    before = sum(thread.name == "headway-watchdog" for thread in threading.enumerate())

    def seconds_until_ended(limit: float) -> float:
        start = time.monotonic()
        with pytest.raises(GraphTimeout):
            graph.run(None, inputs, seconds=limit)
        return time.monotonic() - start

    limits = (0.5, 0.1, 0.3)
    with ThreadPoolExecutor(len(limits)) as threads:
        spent = list(threads.map(seconds_until_ended, limits))
    assert spent[1] < spent[2] < spent[0]
    assert all(seconds >= limit for seconds, limit in zip(spent, limits, strict=True))
    assert sum(thread.name == "headway-watchdog" for thread in threading.enumerate()) == max(before, 1)
    assert not module._watchdog.runs


@pytest.mark.slow
def test_a_signal_ends_the_runs_of_its_thread_alone() -> None:
    graph, inputs = products(300), {"inputs": np.ones((1200, 1200), np.float32)}
    with ThreadPoolExecutor(2) as threads:
        interrupted, other = (threads.submit(graph.run, None, inputs, seconds=limit) for limit in (60, 0.5))
        while len(module._watchdog.runs) < 2:
            time.sleep(0.01)
        first = next(iter(module._watchdog.runs.values()))
        assert module.end_runs(first.thread)
        with pytest.raises(KeyboardInterrupt):
            interrupted.result()
        with pytest.raises(GraphTimeout):
            other.result()


def test_a_run_that_cannot_be_ended_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, deaf = products(1), threading.Event()

    class Session:
        def run(self, *_: object) -> list[np.ndarray]:
            deaf.wait()
            return []

    monkeypatch.setattr(module, "_END_SECONDS", 0.1)
    monkeypatch.setattr(graph, "_session", Session())
    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(graph.run, None, {}, seconds=0.1)
        assert not graph.is_stuck
        time.sleep(0.3)
        assert graph.is_stuck
        (stuck,) = module._watchdog.runs.values()
        assert not module.end_runs(stuck.thread, seconds=0.05)
        deaf.set()
        assert run.result() == []
    assert not graph.is_stuck


@pytest.mark.slow
def test_a_child_process_has_a_watchdog_of_its_own() -> None:
    parents = module._watchdog
    parents.runs[0] = module._Run(products(1), onnxruntime.RunOptions(), 60)
    try:
        module._after_fork()
        assert module._watchdog is not parents
        assert not module._watchdog.runs
        # Its thread is its own too.
        test_a_run_is_ended_at_its_deadline_and_the_next_is_answered()
    finally:
        parents.runs.clear()
        module._watchdog = parents


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


def test_a_graph_that_fails_at_another_batch_than_its_checks_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = load(GOLDEN)

    def failing(*_: object, **__: object) -> None:
        message = "3 by 4\nmore"
        raise RuntimeError(message)

    monkeypatch.setattr(Graph, "run", failing)
    with pytest.raises(BundleError) as error:
        predictor.answer(np.zeros((4, 8, 8, 3), np.uint8))
    assert str(error.value) == (
        "The bundle's graph fails on these items (3 by 4).\n  Given: 4 items\n  Fix:   Export the model again."
    )


def test_a_provider_is_named_shortly_or_in_full() -> None:
    assert provider_names(["cpu"]) == provider_names(["CPUExecutionProvider"]) == provider_names(None)


def test_a_provider_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ConfigError) as error:
        load(GOLDEN, providers=["TensorRTExecutionProvider", "cpu"])
    assert str(error.value) == (
        "This installation of onnxruntime does not have the provider.\n  Given: tensorrt\n"
        "  Fix:   Choose of cpu, or install the onnxruntime that has it, such as onnxruntime-openvino."
    )


def test_a_provider_that_cannot_run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    # As onnxruntime does it: the session goes on without a provider whose device is not there.
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider"])
    session = type("Session", (), {"get_providers": lambda _: ["CPUExecutionProvider"]})
    monkeypatch.setattr("headway.bundle.graph._open_session", lambda *_: session())
    with pytest.raises(ConfigError) as error:
        load(GOLDEN, providers=["cuda"])
    assert str(error.value) == (
        "A provider of onnxruntime cannot run on this machine.\n  Given: CUDAExecutionProvider\n"
        "  Fix:   Install its device's driver and libraries, or leave the provider out for the CPU."
    )
