from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

import headway as hw
from headway.data.dataset import Data, Part
from headway.errors import WeightsError
from headway.system.cache import cache_folder
from headway.train import feature_cache
from headway.train.body_features import body_features, known_features
from headway.train.stage import Setup
from tests.kinds import photos


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Data:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    files = [str(tmp_path / name) for name in photos(tmp_path)["photo"]]
    columns: dict[str, Any] = {"photo": files, "label": ["a", "b"] * 12}
    return hw.from_items(columns, input=hw.Image("photo", size=64), target="label")


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many items went through a body each time that one computed features."""
    counts = list[int]()
    outputs = Setup.outputs

    def counted(self: Setup, module: nn.Module, part: Part) -> tuple[torch.Tensor, torch.Tensor]:
        counts.append(len(part))
        return outputs(self, module, part)

    monkeypatch.setattr(Setup, "outputs", counted)
    return counts


def learner(data: Data, **options: Any) -> hw.Learner:
    # Random weights, the same each time, stand for pretrained ones.
    options = {"pretrained": False, "two_stages": True, "progress": False, "device": "cpu", **options}
    return hw.Learner(data, "resnet18", **options)


@pytest.mark.slow
def test_features_are_computed_once_and_are_the_same_when_read(data: Data, computed: list[int]) -> None:
    first = body_features(learner(data).setup)
    assert sum(computed) == len(data.items)
    again = body_features(learner(data).setup)
    assert sum(computed) == len(data.items)
    for part, tensors in first.items():
        for tensor, read in zip(tensors, again[part], strict=True):
            assert tensor.dtype == read.dtype
            assert torch.equal(tensor, read)
    # Other labels change no feature, and the targets are those that hold now.
    labels = pl.Series("label", ["b", "a"] * 12)
    other = hw.from_items(data.items.select("photo").with_columns(labels), input=data.input, target="label")
    targets = body_features(learner(other).setup)["train"][1]
    assert sum(computed) == len(data.items)
    assert np.array_equal(targets.numpy(), other.train.targets)
    # Other weights are another body.
    body_features(learner(data, seed=1).setup)
    assert sum(computed) == 2 * len(data.items)


@pytest.mark.slow
def test_what_is_damaged_or_cannot_be_kept_is_computed(
    data: Data, computed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = learner(data).setup
    wanted = body_features(setup)["train"][0]
    for file in cache_folder("features").iterdir():
        content = bytearray(file.read_bytes())
        content[-1] ^= 255
        file.write_bytes(content)
    assert torch.equal(body_features(learner(data).setup)["train"][0], wanted)
    assert sum(computed) == 2 * len(data.items)
    # No room: what is there goes first, and in a folder that is a file nothing is kept.
    monkeypatch.setattr(feature_cache, "_MOST_BYTES", 1)
    body_features(learner(data, seed=2).setup)
    assert len(list(cache_folder("features").iterdir())) == 1
    monkeypatch.setenv("HEADWAY_CACHE", str(next(cache_folder("features").iterdir())))
    assert torch.equal(body_features(learner(data).setup)["train"][0], wanted)


@pytest.mark.slow
def test_training_reads_what_an_audit_computed(data: Data, computed: list[int]) -> None:
    try:
        hw.Learner(data, progress=False)
    except WeightsError as error:
        pytest.skip(f"no pretrained weights: {error}")
    data.audit()
    assert sum(computed) >= len(data.items)
    before = len(computed)
    body_features(hw.Learner(data, progress=False).setup)
    assert len(computed) == before


@pytest.mark.slow
def test_bodies_that_differ_in_a_plain_value_alone_share_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, computed: list[int]
) -> None:
    """Bytes line by line and along a curve go through the same layers with the same weights."""
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    draw = np.random.default_rng(0)
    columns = {"file": [draw.bytes(64) for _ in range(12)], "label": ["a", "b"] * 6}
    data = hw.from_items(columns, input=hw.Bytes("file", window=64), target="label")
    options: dict[str, Any] = {"pretrained": False, "two_stages": True, "progress": False, "device": "cpu"}
    raster, curve = (
        body_features(hw.Learner(data, f"{picture}:small_resnet", **options).setup)["train"][0]
        for picture in ("raster", "hilbert")
    )
    assert sum(computed) == 2 * len(data.items)
    assert not torch.equal(raster, curve)


@pytest.mark.slow
def test_a_fixed_body_answers_from_what_fine_tuning_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    draw = np.random.default_rng(0)
    series, labels = draw.standard_normal((80, 1, 40)).astype(np.float32), ["a", "b"] * 40
    series[::2, :, 10:20] += 2
    data = hw.from_arrays(series, labels, input=hw.Series())
    learner, passed = hw.Learner(data, progress=False, device="cpu", precision="float32"), list[int]()
    learner.fine_tune()
    body: Any = learner.model.get_submodule("body")
    body.register_forward_hook(lambda _, inputs, __: passed.append(len(inputs[0])))
    known = learner.predictions().probabilities
    assert passed == []
    assert np.array_equal(known, learner.setup.predict(data.valid).predictions)
    assert sum(passed) == len(data.valid)
    # Other items, and another body with other thresholds, have no features yet.
    assert known_features(learner.setup, Part(data, "valid", data.valid.items[::2])) is None
    assert known_features(learner.setup, data.train) is not None
    body.biases += 0.1
    assert known_features(learner.setup, data.train) is None
