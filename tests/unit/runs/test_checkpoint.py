from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from headway.errors import CheckpointError
from headway.runs import checkpoint
from headway.runs.checkpoint import Checkpoints, Saved, load_model, model_tensors

TENSORS = {
    "float": torch.tensor([[1.5, -0.0], [float("nan"), float("inf")]]),
    "half": torch.tensor([0.1, 3.0], dtype=torch.bfloat16),
    "count": torch.tensor(7),
    "flags": torch.tensor([True, False]),
    "none": torch.zeros(0, 3),
}


@pytest.fixture
def keep(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints" / "0")


def test_what_is_saved_is_loaded(keep: Checkpoints) -> None:
    values = {"step": 3, "loss": 0.1 + 0.2, "names": ["Kätzchen", None], "deep": {"a": [1, 2.5, True]}}
    keep.save("stage", Saved(TENSORS, values))
    found = keep.load("stage")
    assert found is not None
    assert found.values == values
    assert found.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found.tensors[name].dtype == tensor.dtype
        assert found.tensors[name].shape == tensor.shape
        assert torch.equal(found.tensors[name].reshape(-1).view(torch.uint8), tensor.reshape(-1).view(torch.uint8))


def test_the_library_reads_every_kind_of_number(keep: Checkpoints) -> None:
    tensors = {str(dtype): torch.tensor([0, 1, 2]).to(dtype) for dtype in checkpoint._DTYPES}
    tensors |= {"turned": torch.arange(6.0).reshape(2, 3).T, "scalar": torch.tensor(3.0)}
    keep.save("stage", Saved(tensors, {"step": 1}))
    assert keep.folder is not None
    found = safetensors.torch.load_file(keep.folder / "stage.safetensors")
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_bytes_are_not_copied() -> None:
    weight = torch.randn(3, 4)
    view = np.frombuffer(checkpoint._bytes(weight), dtype=np.float32)
    assert view.ctypes.data == weight.data_ptr()


def test_views_and_tied_tensors(keep: Checkpoints) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    keep.save("stage", Saved({"whole": whole, "turned": whole.T, "again": whole, "row": whole[1]}))
    found = keep.load("stage")
    assert found is not None
    assert torch.equal(found.tensors["turned"], whole.T)
    assert torch.equal(found.tensors["again"], whole)
    assert torch.equal(found.tensors["row"], whole[1])


def test_a_piece_is_made_once(keep: Checkpoints) -> None:
    made: list[int] = []

    def make() -> Saved:
        made.append(1)
        return Saved(values={"sum": 2})

    assert [keep.piece("sum", make).values["sum"] for _ in range(3)] == [2, 2, 2]
    assert made == [1]
    assert keep.has("sum")
    keep.forget("sum")
    keep.forget("sum")
    assert not keep.has("sum")
    assert keep.load("sum") is None
    nowhere = Checkpoints(None)
    assert [nowhere.piece("sum", make).values["sum"] for _ in range(2)] == [2, 2]
    assert len(made) == 3
    assert not nowhere.has("sum")
    assert nowhere.load("sum") is None
    nowhere.forget("sum")


def test_only_whole_files_have_a_name(keep: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new one is on the disk before it takes the place of the old one."""
    order: list[str] = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("fsync"), sync(handle)))
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("replace"), replace(*paths)))
    keep.save("stage", Saved(values={"step": 1}))
    assert order == ["fsync", "replace", "fsync"]
    assert keep.folder is not None
    assert [file.name for file in keep.folder.iterdir()] == ["stage.safetensors"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("place", ["fsync", "replace"])
def test_a_disk_that_refuses(keep: Checkpoints, monkeypatch: pytest.MonkeyPatch, place: str, number: int) -> None:
    keep.save("stage", Saved(values={"step": 1}))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, place, refuse)
        if number == errno.EROFS:
            patch.setattr(Path, "unlink", refuse)
        with pytest.raises(CheckpointError) as caught:
            keep.save("stage", Saved(TENSORS, {"step": 2}))
    assert os.strerror(number) in str(caught.value)
    found = keep.load("stage")
    assert found is not None
    assert found.values == {"step": 1}
    keep.save("stage", Saved(values={"step": 3}))
    assert keep.folder is not None
    assert [file.name for file in keep.folder.iterdir()] == ["stage.safetensors"]


def test_damaged_files(keep: Checkpoints) -> None:
    """Any byte that is cut off or another one is noticed."""
    keep.save("stage", Saved({"weight": torch.randn(64)}, {"step": 12}))
    assert keep.folder is not None
    file = keep.folder / "stage.safetensors"
    data = file.read_bytes()
    damaged = [b"", data[:4], data[: len(data) // 2], data[:-1], data + b"\0", b"no checkpoint"]
    for place in range(0, len(data), 7):
        damaged.append(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    for bad in damaged:
        file.write_bytes(bad)
        with pytest.raises(CheckpointError, match="cannot be read"):
            keep.load("stage")
    file.write_bytes(data)
    assert keep.load("stage") is not None


def test_another_models_weights() -> None:
    saved = Saved(model_tensors(nn.Linear(2, 3)))
    load_model(nn.Linear(2, 3), saved)
    for other in (nn.Linear(3, 2), nn.Sequential(nn.Linear(2, 3)), nn.Linear(2, 3, bias=False)):
        with pytest.raises(CheckpointError, match="another model"):
            load_model(other, saved)
