"""The whole texts of what runs that are stopped, damaged or in use say."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from torch import nn

import headway as hw
from headway.errors import CheckpointError, RunError, Stopped
from headway.runs.checkpoint import Checkpoints, Saved, load_model
from tests.stopping import QUIET


def text(what: str, given: object, fix: str) -> str:
    return f"{what}\n  Given: {given}\n  Fix:   {fix}"


def module() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


@pytest.fixture
def run(digits: Path, tmp_path: Path) -> Path:
    data = hw.from_folder(digits, input=hw.Image("file", size=28, channels=1))

    def loss_fn(*given: object) -> object:
        return nn.functional.cross_entropy(*given)  # pyright: ignore[reportArgumentType]

    learner = hw.Learner(data, module(), loss_fn=loss_fn, callbacks=[hw.Callback()], run=tmp_path / "mine", **QUIET)  # pyright: ignore[reportArgumentType]
    learner.fit(1)
    return tmp_path / "mine"


def test_what_is_ones_own_is_asked_for_again(run: Path) -> None:
    what = "The run was started with objects that its folder cannot store."
    with pytest.raises(RunError) as caught:
        hw.Learner.resume(run)
    assert str(caught.value) == text(
        what,
        f"{run}, without arch, loss_fn, callbacks",
        "Pass it again: Learner.resume(run, arch=..., loss_fn=..., callbacks=...).",
    )
    with pytest.raises(RunError) as caught:
        hw.Learner.resume(run, arch=module(), callbacks=[hw.Callback()])
    assert str(caught.value) == text(
        what, f"{run}, without loss_fn", "Pass it again: Learner.resume(run, loss_fn=...)."
    )


def test_another_data_set(run: Path, digits: Path) -> None:
    other = hw.from_folder(digits, input=hw.Image("file", size=28, channels=1), seed=1)
    own = {"arch": module(), "loss_fn": lambda *_: None, "callbacks": [hw.Callback()]}
    with pytest.raises(RunError) as caught:
        hw.Learner.resume(run, data=other, **own)  # pyright: ignore[reportArgumentType]
    lines = str(caught.value).splitlines()
    assert lines[0] == "That is not the data set of the run."
    assert lines[1].startswith(f"  Given: {other!r} with fingerprint {other.fingerprint[:12]}, not ")
    assert lines[2] == "  Fix:   Pass the same items, labels and split, or start a new run."


def test_another_module(tmp_path: Path) -> None:
    keep = Checkpoints(tmp_path)
    keep.save("done", Saved({"model.weight": nn.Linear(2, 2).weight}))
    saved = keep.load("done")
    assert saved is not None
    with pytest.raises(CheckpointError) as caught:
        load_model(nn.Linear(2, 2), saved)
    lines = str(caught.value).splitlines()
    assert lines[0] == "The checkpoint belongs to another model."
    assert lines[1].startswith("  Given: Linear: Error(s) in loading state_dict for Linear: Missing key(s)")
    assert lines[2] == "  Fix:   Pass the module that the run was started with (arch=)."


def test_a_checkpoint_with_another_byte(tmp_path: Path) -> None:
    keep, file = Checkpoints(tmp_path), tmp_path / "done.safetensors"
    keep.save("done", Saved({"model.weight": nn.Linear(2, 2).weight}))
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(CheckpointError) as caught:
        keep.load("done")
    assert str(caught.value) == text(
        "A checkpoint cannot be read.",
        f"{file} (its checksum is wrong)",
        f"Delete {file}: the run then continues from the checkpoint before it.",
    )


def test_stopped() -> None:
    assert str(Stopped(signal.SIGINT)) == "Stopped."
    assert str(Stopped(signal.SIGTERM, "runs/pets")) == "Stopped. Continue with: headway resume runs/pets"
