from __future__ import annotations

import json
import logging
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from headway.bundle import graph
from headway.bundle.export import export_bundle
from headway.bundle.format import read_bundle
from headway.bundle.predictor import load
from headway.errors import BundleError, ShapeError
from headway.inputs.image.field import Image
from headway.targets.category.field import Category

EXAMPLES = np.random.default_rng(0).integers(0, 256, size=(5, 16, 16, 3), dtype=np.uint8)


class Scale(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        return pixels / 255


class Small(nn.Module):
    """A convolution, batch norm, an in-place activation, dropout, and a head with tied weights."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.dropout = nn.Dropout(0.5)
        self.first, self.head = nn.Linear(4, 4), nn.Linear(4, 4)
        self.head.weight = self.first.weight

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.dropout(self.first(self.body(images))))


def small() -> Small:
    torch.manual_seed(0)
    model = Small()
    # Statistics that are not 0 and 1, so that a graph without them would differ.
    model(torch.rand(8, 3, 16, 16))
    return model


def export(path: Path, model: nn.Module, **changes: Any) -> Path:
    values: dict[str, Any] = {
        "prepare": Scale(),
        "input": Image("file", size=16),
        "target": Category("label", labels=("a", "b", "c", "d")),
        "examples": EXAMPLES,
        "manifest": {"arch": "small"},
        "card": "# Card\n",
    }
    return export_bundle(path, model=model, **{**values, **changes})


def probabilities(model: nn.Module) -> np.ndarray:
    images = torch.from_numpy(EXAMPLES).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        return model.eval()(images).softmax(1).numpy()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("export") / "model.headway", small())


@pytest.mark.slow
def test_the_bundle_answers_as_the_model_does_at_any_batch(path: Path) -> None:
    predictor = load(path)
    expected = probabilities(small())
    for count in (1, 2, 5):
        np.testing.assert_allclose(predictor.outputs(EXAMPLES[:count]), expected[:count], atol=1e-5)


@pytest.mark.slow
def test_the_graph_is_plain(path: Path) -> None:
    graph = read_bundle(path).files["model.onnx"]
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (images,), (outputs,) = session.get_inputs(), session.get_outputs()
    assert (images.name, images.type, images.shape) == ("inputs", "tensor(uint8)", ["batch", 16, 16, 3])
    assert (outputs.name, outputs.type, outputs.shape) == ("outputs", "tensor(float)", ["batch", 4])
    # Paths and lines of the source code.
    assert b"forward" not in graph
    assert b".py" not in graph


def test_the_manifest_tells_fields_versions_and_what_the_caller_gave(path: Path) -> None:
    manifest = read_bundle(path).manifest
    assert manifest["arch"] == "small"
    assert manifest["target"]["labels"] == ["a", "b", "c", "d"]
    assert manifest["versions"]["torch"] == torch.__version__.split("+")[0]
    assert {"python", "headway", "onnxruntime", "numpy"} <= manifest["versions"].keys()


def test_the_weights_load_into_the_model(path: Path) -> None:
    other = Small()
    other.load_state_dict(safetensors.torch.load(read_bundle(path).files["weights.safetensors"]))
    np.testing.assert_array_equal(probabilities(other), probabilities(small()))


@pytest.mark.slow
def test_normalisation_is_folded_before_the_graph_is_traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each operator that is traced takes milliseconds; the weights in the bundle are the model's own."""
    traced: list[str] = []
    real = torch.onnx.export

    def spy(program: torch.export.ExportedProgram, **options: Any) -> Any:
        traced.extend(str(node.target) for node in program.graph.nodes)
        return real(program, **options)

    monkeypatch.setattr(torch.onnx, "export", spy)
    bundle = export(tmp_path / "folded.headway", small())
    assert any("conv2d" in name for name in traced)
    assert not any("norm" in name for name in traced)
    model = small()
    saved = safetensors.torch.load(read_bundle(bundle).files["weights.safetensors"])
    assert saved.keys() == model.state_dict().keys()
    assert all(torch.equal(saved[name], value) for name, value in model.state_dict().items())


@pytest.mark.slow
def test_the_same_model_gives_the_same_bytes_and_stays_as_it_was(path: Path, tmp_path: Path) -> None:
    model = small().to(memory_format=torch.channels_last)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    again = export(tmp_path / "model.headway", model)
    assert model.training
    assert model.body[2].inplace is True
    weight = model.body[0].weight
    assert isinstance(weight, Tensor)
    assert weight.requires_grad
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_it_is_quiet_and_takes_a_compiled_model(path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    again = export(tmp_path / "model.headway", torch.compile(small()))  # type: ignore[arg-type]
    assert capfd.readouterr() == ("", "")
    assert logging.root.manager.disable == logging.NOTSET
    assert again.read_bytes() == path.read_bytes()


class Discards(nn.Module):
    """Relies on an activation in place, throwing away what it returns."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.activation = nn.Linear(3 * 16 * 16, 4), nn.ReLU(inplace=True)

    def forward(self, images: Tensor) -> Tensor:
        logits = self.linear(images.flatten(1))
        self.activation(logits)
        return logits


@pytest.mark.slow
def test_what_happens_in_place_is_kept(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Discards()
    predictor = load(export(tmp_path / "model.headway", model))
    np.testing.assert_allclose(predictor.outputs(EXAMPLES), probabilities(model), atol=1e-5)


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * 16 * 16, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(images.flatten(1)) * (2 if images.mean() > 0.1 else 1)


def test_a_model_that_cannot_be_exported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BundleError) as caught:
        export(tmp_path / "model.headway", Branches())
    what, given, fix = str(caught.value).split("\n")
    assert what == "The model cannot be turned into an ONNX graph."
    assert given.startswith("  Given: Branches: GuardOnDataDependentSymNode: Could not guard on data-dependent")
    assert fix == (
        "  Fix:   In `forward` use only tensor operations that depend neither on the batch size nor on values."
    )
    assert not any(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


class Noise(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * 16 * 16, 4)

    def forward(self, images: Tensor) -> Tensor:
        logits = self.linear(images.flatten(1))
        return logits + torch.randn_like(logits)


@pytest.mark.slow
def test_a_graph_that_answers_otherwise_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BundleError, match="'RandomNormalLike', which is not allowed"):
        export(tmp_path / "model.headway", Noise())
    monkeypatch.setattr(graph, "OPERATORS", graph.OPERATORS | {"RandomNormalLike"})
    with pytest.raises(BundleError) as caught:
        export(tmp_path / "model.headway", Noise())
    assert str(caught.value).startswith(
        "The exported graph does not give the model's answers, so it was not written.\n"
        "  Given: a largest difference of 0."
    )
    assert not any(tmp_path.iterdir())


def test_a_model_with_nan_is_not_written(tmp_path: Path) -> None:
    model = Discards()
    nn.init.constant_(model.linear.bias, float("nan"))
    with pytest.raises(BundleError) as caught:
        export(tmp_path / "model.headway", model)
    assert str(caught.value) == (
        "The model gives NaN instead of answers, so it was not written.\n  Given: 12 of 12 numbers\n"
        "  Fix:   Train again with a lower learning rate."
    )


def test_shapes_are_checked_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(ShapeError) as caught:
        export(tmp_path / "model.headway", small(), examples=EXAMPLES[:2])
    assert str(caught.value) == (
        "`examples` must be uint8 [items, ...] with at least 3 items.\n"
        "  Given: uint8 [2, 16, 16, 3]\n  Fix:   Pass a few items as `input.read` gives them."
    )
    with pytest.raises(ShapeError) as caught:
        export(tmp_path / "model.headway", small(), target=Category("label", labels=("a", "b")))
    assert str(caught.value) == (
        "The model must give 2 numbers for each item, such as one logit a class.\n  Given: outputs [3, 4] for 3 items\n"
        "  Fix:   End the model with a layer of 2 outputs."
    )


def test_the_check_holds_three_examples(path: Path) -> None:
    with zipfile.ZipFile(path) as archive, archive.open("check.npz") as file, np.load(file) as check:
        np.testing.assert_array_equal(check["inputs"], EXAMPLES[:3])
        assert check["outputs"].shape == (3, 4)
    assert json.loads(zipfile.ZipFile(path).read("manifest.json"))["format_version"] == 1
