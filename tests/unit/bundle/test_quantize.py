from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest

from headway.bundle import quantize
from headway.bundle.format import read_bundle
from headway.bundle.predictor import load
from headway.data.build import from_folder, from_items
from headway.errors import ConfigError
from headway.inputs.image.field import Image
from headway.inputs.sound.field import Sound
from headway.inputs.table.field import Table
from headway.learner.learner import Learner
from headway.targets.mask.field import Mask
from headway.targets.mask.folder import list_masks
from headway.targets.number.field import Number
from tests.judging import evaluate
from tests.kinds import tone, wav
from tests.unit.cli.test_train_kinds import write_discs


@pytest.fixture(scope="module")
def learner(digits: Path) -> Learner:
    learner = Learner(from_folder(digits, size=28), progress=False)
    learner.fine_tune(5)
    return learner


@pytest.mark.long
@pytest.mark.slow
def test_int8_is_smaller_and_answers_nearly_as_before(learner: Learner, tmp_path: Path) -> None:
    report = learner.report()
    plain = learner.export(tmp_path / "plain.headway", report=report)
    small = learner.export(tmp_path / "small.headway", report=report, quantize="int8")
    facts = read_bundle(small).manifest["quantization"]
    assert read_bundle(plain).manifest["quantization"] is None
    assert (facts["asked"], facts["kept"]) == ("int8", "int8")
    assert facts["int8"]["bytes"] == len(read_bundle(small).files["model.onnx"]) < 0.6 * facts["float32"]["bytes"]
    assert facts["float32"]["accuracy"] - facts["int8"]["accuracy"] <= 0.005
    images = learner.data.input.view(learner.data.valid.canvases(range(len(learner.data.valid))))
    one, other = load(plain), load(small)
    assert np.abs(one.outputs(images) - other.outputs(images)).mean() < 0.02
    found = other.distances(images)
    assert found is not None
    assert (found > other.threshold).mean() <= 0.05
    # Whole numbers where the work is; what decides stays as it was.
    nodes = onnx.load_from_string(read_bundle(small).files["model.onnx"]).graph.node
    assert sum(node.op_type == "DequantizeLinear" for node in nodes) > 10
    assert {node.op_type for node in nodes if "outputs" in node.output} == {"Softmax"}


@pytest.mark.slow
def test_a_graph_that_would_lose_too_much_stays_as_it_is(
    learner: Learner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantize, "MAX_LOSS", -1.0)
    with pytest.warns(UserWarning, match=r"^The graph was kept in float32: int8 loses over 0\.5 points \(accuracy on"):
        path = learner.export(tmp_path / "model.headway", quantize="int8")
    manifest = read_bundle(path).manifest
    assert (manifest["quantization"]["kept"], manifest["check_tolerance"]) == ("float32", 0.001)
    assert len(read_bundle(path).files["model.onnx"]) == manifest["quantization"]["float32"]["bytes"]


def test_another_format_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        quantize.check_quantize("int4")
    assert str(caught.value) == (
        '`quantize` must be "int8".\n  Given: \'int4\'\n  Fix:   Pass quantize="int8", or leave it out for float32.'
    )


def test_a_table_is_not_quantised() -> None:
    with pytest.raises(ConfigError) as caught:
        quantize.check_quantize("int8", Table(continuous=["age"]))
    assert str(caught.value) == (
        "`quantize` is not available for models of rows: their graph is small and fast already.\n"
        "  Given: quantize='int8'\n"
        "  Fix:   Leave `quantize` out."
    )
    quantize.check_quantize(None, Table(continuous=["age"]))


@pytest.mark.slow
def test_a_number_is_judged_by_its_own_metric(digits: Path, tmp_path: Path) -> None:
    files = sorted(digits.rglob("*.png"))
    items = {"file": [str(file) for file in files], "digit": [float(file.parent.name) for file in files]}
    learner = Learner(from_items(items, input=Image("file", size=28), target=Number("digit")), progress=False)
    learner.fit(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        facts = read_bundle(learner.export(tmp_path / "n.headway", quantize="int8")).manifest["quantization"]
    lost = facts["int8"]["mae"] - facts["float32"]["mae"]
    assert facts["kept"] == ("int8" if lost <= 0.01 * facts["float32"]["mae"] + 1e-9 else "float32")


@pytest.mark.slow
def test_masks_in_int8_are_what_was_measured(tmp_path: Path) -> None:
    folder = write_discs(tmp_path / "discs")
    data = from_items(
        list_masks(folder), input=Image("images", size=32), target=Mask("masks", classes=["table", "disc"])
    )
    learner = Learner(data, "resnet18", pretrained=False, precision="float32", progress=False)
    learner.fit(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = learner.export(tmp_path / "m.headway", quantize="int8")
    facts, predictor = read_bundle(path).manifest["quantization"], load(path)
    assert facts["int8"]["bytes"] < 0.4 * facts["float32"]["bytes"]
    lost = facts["float32"]["mean_iou"] - facts["int8"]["mean_iou"]
    assert facts["kept"] == ("int8" if lost <= 0.005 + 1e-9 else "float32")
    found = [
        each for each in predictor.try_outputs(data.valid.items["images"].to_list()) if isinstance(each, np.ndarray)
    ]
    score = evaluate(np.stack(found), data.valid.targets, task="segmentation", metrics=["mean_iou"])["mean_iou"].value
    assert score == pytest.approx(facts[facts["kept"]]["mean_iou"], abs=1e-6)


@pytest.mark.slow
def test_of_sound_the_network_is_in_int8_and_the_spectrogram_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its powers lie farther apart than 256 steps can show."""
    clips = [wav(tone(hertz)) for hertz in range(200, 2200, 100)]
    items = {"clip": clips, "pitch": ["low"] * 10 + ["high"] * 10}
    data = from_items(items, input=Sound("clip", seconds=0.5), target="pitch")
    learner = Learner(data, "sound_resnet", progress=False)
    learner.fit(1)
    monkeypatch.setattr(quantize, "MAX_LOSS", 1.0)
    path = learner.export(tmp_path / "tones.headway", quantize="int8")
    types = [node.op_type for node in onnx.load_from_string(read_bundle(path).files["model.onnx"]).graph.node]
    assert "QuantizeLinear" not in types[: types.index("Log")]
    assert types.count("QuantizeLinear") > 5
