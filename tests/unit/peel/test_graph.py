"""The answers of small networks in plain numpy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from typer.testing import CliRunner

import headway as hw
from headway.bundle.format import Check, pack_check, read_bundle, write_bundle
from headway.cli import app
from headway.peel.graph import graph_in_numpy
from tests.unit.peel.running import output_of


def exported(learner: hw.Learner, folder: Path) -> Path:
    learner.fine_tune(epochs=1)
    return learner.export(folder / "model.headway", report=None)


def difference(bundle: Path, folder: Path) -> float:
    """How far the file's answers are from those of the bundle's own check."""
    file = folder / "answers.py"
    done = CliRunner().invoke(app, ["peel", str(bundle), "--layer", "numpy", "--output", str(file)])
    assert done.exit_code == 0, done.output
    assert "torch" not in file.read_text()
    return float(output_of(file).split()[-1])


@pytest.mark.slow
def test_a_table(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    numbers, names = draw.normal(size=(160, 2)), draw.choice(list("abcdefghijklmn"), 160)
    columns: dict[str, Any] = {"x": numbers[:, 0].tolist(), "y": numbers[:, 1].tolist(), "name": names.tolist()}
    columns["answer"] = np.where(numbers[:, 0] > 0, "yes", "no").tolist()
    learner = hw.Learner(hw.from_items(columns, target="answer"), progress=False)
    assert difference(exported(learner, tmp_path), tmp_path) < 1e-5


@pytest.mark.slow
def test_ratings(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    columns: dict[str, Any] = {name: draw.integers(0, 9, 160).tolist() for name in ("user", "item")}
    columns["stars"] = draw.integers(1, 6, 160).tolist()
    data = hw.from_items(columns, input=["user", "item"], target=hw.Number("stars", low=1, high=5))
    assert difference(exported(hw.Learner(data, "dot_product", progress=False), tmp_path), tmp_path) < 1e-5


@pytest.mark.slow
def test_photos(digits: Path, tmp_path: Path) -> None:
    data = hw.from_folder(digits, input=hw.Image("file", size=28, channels=1))
    assert difference(exported(hw.Learner(data, "small_resnet", progress=False), tmp_path), tmp_path) < 1e-5


BUNDLE = Path(__file__).parents[2] / "bundles" / "v1.headway"


def changed(folder: Path, nodes: list[onnx.NodeProto]) -> Path:
    """The old bundle with another graph."""
    bundle = read_bundle(BUNDLE)
    kind = onnx.TensorProto.FLOAT
    ends = [helper.make_tensor_value_info(name, kind, None) for name in ("inputs", "outputs")]
    arrays = [onnx.numpy_helper.from_array(np.ones((9, 2), np.float32), 'w"]); import os; ("')]
    graph = helper.make_graph(nodes, "graph", ends[:1], ends[1:], arrays)
    check = pack_check(Check(np.zeros((2, 8, 8, 3), np.uint8), np.full((2, 4), 0.25, np.float32)))
    files = {**bundle.files, "model.onnx": helper.make_model(graph).SerializeToString(), "check.npz": check}
    return write_bundle(folder / "changed.headway", manifest=dict(bundle.manifest), files=files)


def test_an_operator_that_is_not_written(tmp_path: Path) -> None:
    bundle = changed(tmp_path, [helper.make_node("LSTM", ["inputs"], ["outputs"])])
    with pytest.raises(hw.ConfigError) as raised:
        graph_in_numpy(bundle)
    assert str(raised.value) == (
        "This run cannot be written as the layer 'numpy'.\n  Given: operator LSTM\n"
        '  Fix:   Pass layer="torch" with the run\'s folder.'
    )


def test_names_of_a_stranger_are_no_code(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Add", ["inputs", 'w"]); import os; ("'], ["a = 1; import sys; b"]),
        helper.make_node("Relu", ["a = 1; import sys; b"], ["outputs"]),
    ]
    text = graph_in_numpy(changed(tmp_path, nodes)).text
    assert 'value_2 = inputs + weights["w\\"]); import os; (\\""]' in text
    assert "import sys" not in text
    assert sys.modules["os"]
