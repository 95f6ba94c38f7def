from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

from headway.errors import CheckpointError
from headway.runs import checkpoint
from headway.runs.checkpoint import Checkpoints, KeepState, Saved, capture, load_model, model_tensors, restore
from headway.runs.interrupt import Signals
from headway.train.callbacks import Callback
from headway.train.loop import TrainState
from headway.train.optimizers import make_optimizer
from headway.train.precision import choose_precision

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
        patch.setattr(checkpoint.os, place, refuse)
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


def state_of(model: nn.Module, *callbacks: Callback) -> TrainState:
    return TrainState(
        model=model,
        make_inputs=lambda batch, _: (batch.inputs, batch.targets),
        loss_fn=F.cross_entropy,
        optimizer=make_optimizer(model),
        schedule=lambda _: 1e-2,
        precision=choose_precision(torch.device("cpu"), "float32"),
        callbacks=callbacks,
        total_steps=10,
    )


def convolutions() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(144, 3)
        )
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def step(state: TrainState, number: int) -> None:
    generator = torch.Generator().manual_seed(number)
    inputs = torch.randn(8, 3, 8, 8, generator=generator)
    torch.manual_seed(number)
    F.cross_entropy(state.model(inputs), torch.arange(8) % 3).backward()
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.step, state.batch = state.step + 1, state.batch + 1


def test_a_stage_goes_on_to_the_same_bits(keep: Checkpoints) -> None:
    """The optimizer's averages lie in memory as they did: with other strides its update would be another one."""
    one = state_of(convolutions())
    for group in one.optimizer.param_groups:
        group["lr"] = 1e-2
    for number in range(3):
        step(one, number)
    keep.save("stage", capture(one))
    other = state_of(convolutions())
    for group in other.optimizer.param_groups:
        group["lr"] = 1e-2
    saved = keep.load("stage")
    assert saved is not None
    restore(other, saved)
    assert (other.step, other.batch, other.total_steps) == (3, 3, 10)
    for ours, theirs in zip(one.model.parameters(), other.model.parameters(), strict=True):
        assert theirs.stride() == ours.stride()
        mine, found = one.optimizer.state[ours], other.optimizer.state[theirs]
        assert mine.keys() == found.keys()
        for name, value in mine.items():
            assert torch.equal(found[name], value)
            assert found[name].stride() == value.stride()
            assert not found[name].requires_grad
    for number in range(3, 6):
        step(one, number)
        step(other, number)
    for name, value in one.model.state_dict().items():
        assert torch.equal(other.model.state_dict()[name], value), name


def test_restoring_copies(keep: Checkpoints) -> None:
    """What was loaded stays as it was, and weights stay the same objects, which the optimizer holds."""
    state = state_of(convolutions())
    step(state, 0)
    saved = capture(state)
    keep.save("stage", saved)
    other = state_of(convolutions())
    before = [id(each) for each in other.model.parameters()]
    restore(other, saved)
    assert [id(each) for each in other.model.parameters()] == before
    step(other, 1)
    found = keep.load("stage")
    assert found is not None
    assert torch.equal(found.tensors["model.0.weight"], state.model.state_dict()["0.weight"])


class Remembers(Callback):
    value = 0

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        self.value = values["value"]


def test_callbacks_get_what_was_theirs() -> None:
    first, second = Remembers(), Remembers()
    first.value, second.value = 3, 5
    saved = capture(state_of(nn.Linear(2, 2), first, Callback(), second))
    again = [Remembers(), Remembers()]
    # Those that remember nothing, such as what shows the progress, may be others.
    restore(state_of(nn.Linear(2, 2), Callback(), Callback(), *again), saved)
    assert [each.value for each in again] == [3, 5]
    for others in ([], [Remembers()], [Remembers()] * 3):
        with pytest.raises(CheckpointError, match="callbacks"):
            restore(state_of(nn.Linear(2, 2), *others), saved)


def test_another_models_weights() -> None:
    saved = Saved(model_tensors(nn.Linear(2, 3)))
    load_model(nn.Linear(2, 3), saved)
    for other in (nn.Linear(3, 2), nn.Sequential(nn.Linear(2, 3)), nn.Linear(2, 3, bias=False)):
        with pytest.raises(CheckpointError, match="another model's"):
            load_model(other, saved)


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [(0.0, [1, 2, 3, 4, 5, 6, 7, 8]), (60.0, [4, 8]), (25.0, [3, 4, 7, 8])],
)
def test_when_a_stage_is_saved(monkeypatch: pytest.MonkeyPatch, seconds: float, kept: list[int]) -> None:
    """Ten seconds a step, four steps an epoch."""
    now = 0.0
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now)
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", seconds)
    saved: list[int] = []
    state = state_of(nn.Linear(2, 2))
    keeper = KeepState(lambda: saved.append(state.step), Signals(), batches=4)
    result: Any = None
    batch: Any = None
    keeper.on_train_begin(state)
    for _ in range(2):
        keeper.on_epoch_begin(state)
        for _ in range(4):
            keeper.on_batch_begin(state, batch)
            now += 10
            state.step, state.batch = state.step + 1, state.batch + 1
            keeper.on_batch_end(state, result)
        state.batch = 0
    assert saved == kept


@pytest.mark.parametrize("why", ["total_steps", "stop_training"])
def test_a_stage_that_ends_within_an_epoch_is_saved(why: str) -> None:
    saved: list[int] = []
    state = state_of(nn.Linear(2, 2))
    keeper = KeepState(lambda: saved.append(state.step), Signals(), batches=4)
    result: Any = None
    state.step = state.batch = 2
    if why == "total_steps":
        state.total_steps = 2
    else:
        state.stop_training = True
    keeper.on_batch_end(state, result)
    assert saved == [2]
