"""A model in other formats: opened without Headway, by the lines that its README has, it gives the same answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
import polars as pl
import pytest
import safetensors.torch
import timm
import torch
from PIL import Image as PILImage
from safetensors import safe_open

import headway as hw
from headway.bundle.format import read_bundle
from headway.bundle.other_formats import FormatName, write_other_format
from headway.bundle.predictor import load
from headway.inputs.image import plain_reader as photos
from headway.inputs.table import plain_reader as rows
from headway.learner.export import program_of

GOLDEN = Path(__file__).parents[2] / "bundles" / "v1.headway"

# Nothing of Headway may be imported, wherever it is installed.
ALONE = """import sys
sys.modules["headway"] = None
"""


def answers_of(folder: Path, items: list[Any]) -> str:
    """What the README's own lines print, in a process of their own, with other items than its example."""
    code = (folder / "README.md").read_text().split("```python\n")[1].split("```")[0]
    before, after = code.split("items = [")
    code = f"{ALONE}{before}items = {items!r}\n{after.partition(chr(10))[2]}"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def same(printed: str, bundle: Path, items: list[Any]) -> None:
    for line, answer in zip(printed.splitlines(), load(bundle).predict_many(items), strict=True):
        label, score = line.rsplit(" ", 1)
        assert label == answer.label
        assert float(score) == pytest.approx(answer.score, abs=1e-4)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> tuple[hw.Learner, Path]:
    """A network of timm's with random weights."""
    data = hw.from_folder(digits, input=hw.Image("file", size=32, channels=1))
    learner = hw.Learner(data, "test_resnet", pretrained=False, progress=False, device="cpu")
    return learner, learner.export(tmp_path_factory.mktemp("network") / "digits.headway")


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("format", ["onnx", "torch"])
def test_photos_are_answered_without_headway(
    format: FormatName, network: tuple[hw.Learner, Path], digits: Path, tmp_path: Path
) -> None:
    learner, bundle = network
    program = (lambda path: program_of(learner.setup, path)) if format == "torch" else None
    write_other_format(read_bundle(bundle), tmp_path, format=format, name="digits", program=program)
    items = [str(file) for file in sorted(digits.rglob("*.png"))[::50]]
    same(answers_of(tmp_path, items), bundle, items)


@pytest.mark.slow
def test_a_network_that_looks_at_mirror_images_is_answered_alike(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Any weights, as if they were pretrained: only bodies that are look at mirror images.
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "weights").mkdir(parents=True)
    torch.manual_seed(0)
    weights = timm.create_model("test_resnet").state_dict()
    safetensors.torch.save_file(weights, tmp_path / "cache" / "weights" / "test_resnet.safetensors")
    data = hw.from_folder(digits, input=hw.Image("file", size=32))
    learner = hw.Learner(data, "test_resnet", progress=False, device="cpu")
    cast("Any", learner.model).body.mirror()
    bundle = learner.export(tmp_path / "digits.headway")
    write_other_format(read_bundle(bundle), tmp_path, format="safetensors", name="digits")
    items = [str(file) for file in sorted(digits.rglob("*.png"))[::100]]
    same(answers_of(tmp_path, items), bundle, items)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A bundle of rows with a column of each kind, some values missing, and rows that it answers."""
    draw = np.random.default_rng(0)
    num_rows = 80
    columns = {
        "age": [None if age == 20 else age for age in draw.integers(20, 25, num_rows).tolist()],
        "job": draw.choice(["cook", "smith", None], num_rows).tolist(),
        "since": [f"20{year}-0{month}-11T12:30" for year, month in draw.integers([10, 1], [30, 9], (num_rows, 2))],
        "income": ["high", "low"] * (num_rows // 2),
    }
    learner = hw.Learner(hw.from_items(pl.DataFrame(columns), target="income"), progress=False, device="cpu")
    bundle = learner.export(tmp_path_factory.mktemp("people") / "people.headway")
    rows = [
        {"age": 23, "job": "cook", "since": "2014-02-28T00:00"},
        {"age": None, "job": "pilot", "since": ""},
        {"age": "1e6", "job": None, "since": "2035-02-28"},
    ]
    return bundle, rows


@pytest.mark.slow
def test_rows_are_answered_without_headway(people: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> None:
    bundle, items = people
    write_other_format(read_bundle(bundle), tmp_path, format="onnx", name="people")
    same(answers_of(tmp_path, items), bundle, items)


def test_the_readers_read_what_the_fields_read(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (40, 90, 4), dtype=np.uint8)
    pictures = {
        "wide.png": PILImage.fromarray(pixels[..., :3]),
        "seen_through.png": PILImage.fromarray(pixels),
        "grey.png": PILImage.fromarray(pixels[..., 0]),
        "deep.png": PILImage.fromarray(pixels[..., 0].astype(np.uint16) * 256),
        "palette.png": PILImage.fromarray(pixels[..., :3]).quantize(16),
        "large.jpg": PILImage.fromarray(np.tile(pixels[..., :3], (4, 4, 1))),
    }
    turned = PILImage.Exif()
    turned[0x0112] = 6
    for name, picture in pictures.items():
        picture.save(tmp_path / name, **({"exif": turned} if name == "large.jpg" else {}))
    for field in (hw.Image("file", size=24), hw.Image("file", size=24, channels=1, crop=0.8)):
        read = photos.read([tmp_path / name for name in pictures], field.to_json())
        for name, picture in zip(pictures, read, strict=True):
            assert np.array_equal(picture, field.read(tmp_path / name)), name


def test_rows_are_read_as_the_field_reads_them() -> None:
    table = pl.DataFrame(
        {"age": [20, 30, None, 40], "job": ["cook", "cook", "smith", "smith"], "born": ["2001-02-03"] * 4}
    )
    field = hw.Table(continuous=["age"], categorical=["job"], dates=["born"]).fit(table)
    items: list[Any] = [
        {"age": 30.5, "job": " smith", "born": "1999-12-31T23:59:00+02:00"},
        {"age": "?", "job": 3.0, "born": None},
        {"age": -1e12, "job": "cook", "born": "na"},
    ]
    read = rows.read(items, json.loads(json.dumps(field.to_json())))
    assert np.array_equal(read, np.stack([field.read(item) for item in items]))


def test_what_a_graph_and_weights_say_of_themselves(tmp_path: Path) -> None:
    bundle = read_bundle(GOLDEN)
    labels = bundle.manifest["target"]["labels"]
    graph, *beside = write_other_format(bundle, tmp_path / "onnx", format="onnx", name="colours")
    assert [file.name for file in beside] == ["README.md", "check.npz", "facts.json", "plain_reader.py"]
    session = onnxruntime.InferenceSession(graph)
    assert json.loads(session.get_modelmeta().custom_metadata_map["labels"]) == labels
    with np.load(tmp_path / "onnx" / "check.npz") as check:
        (outputs,) = session.run(["outputs"], {"inputs": check["inputs"]})
        assert np.allclose(outputs, check["outputs"], atol=1e-5)
    weights, *_ = write_other_format(bundle, tmp_path / "weights", format="safetensors", name="colours")
    with safe_open(weights, framework="np") as opened:
        assert json.loads(opened.metadata()["labels"]) == labels
    # Its network is none that another library has.
    assert "weights alone are here" in (tmp_path / "weights" / "README.md").read_text()
