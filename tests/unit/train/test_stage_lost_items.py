"""Items that can be read before training and can no longer be read in the middle of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import headway as hw
from headway.data import dataset, store
from headway.errors import DataError
from headway.train.loop import BatchResult, TrainState


@pytest.fixture
def read_again(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> hw.Data:
    """200 digits that are read anew in each epoch, as data too large for the store are."""
    folder = Path(shutil.copytree(digits, tmp_path / "digits"))
    monkeypatch.setattr(store, "MAX_STORE_BYTES", 0)
    monkeypatch.setattr(store, "MAX_MEMORY_BYTES", 0)
    data = hw.from_folder(folder, input=hw.Image("file", size=28, channels=1))
    assert data.store.canvases is None
    return data


class BodyHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.ReLU()), nn.Linear(32, 10)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(inputs))


class Spoil(hw.Callback):
    """Deletes a file, or cuts it short, at the second step."""

    def __init__(self, *files: str) -> None:
        self.files = files

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        if state.step == 2:
            for number, file in enumerate(self.files):
                Path(file).unlink() if number % 2 else Path(file).write_bytes(Path(file).read_bytes()[:60])


def files(data: hw.Data, part: dataset.PartName, *places: int) -> list[str]:
    return [data.part(part).items["file"][place] for place in places]


@pytest.mark.slow
def test_training_goes_on_without_them_and_says_so(read_again: hw.Data, tmp_path: Path) -> None:
    data = read_again
    gone = [*files(data, "train", 7), *files(data, "valid", 3)]
    learner = hw.Learner(
        data, BodyHead(), two_stages=True, callbacks=[Spoil(*gone)], run=tmp_path / "run", progress=False
    )
    learner.fine_tune(2)
    assert learner.history.notes[-1].startswith("2 of 200 items could not be read any more: ")
    assert all(file in learner.history.notes[-1] for file in gone)
    assert (len(data.train), len(data.valid)) == (159, 39)
    found = learner.predictions("valid")
    assert len(found.rows) == len(found.targets) == len(found.probabilities) == 39
    assert np.array_equal(found.targets, data.valid.targets)
    learner.export(tmp_path / "digits.headway")
    assert learner.report().parts["valid"].count == 39
    # What was trained is the same when it is only read again.
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "1", ignore_errors=True)
    again = hw.Learner.resume(
        tmp_path / "run", arch=BodyHead(), callbacks=[Spoil()], accept_changes=True, progress=False
    )
    for one, other in zip(learner.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.slow
def test_features_of_those_that_are_left(read_again: hw.Data) -> None:
    data = read_again
    learner = hw.Learner(data, BodyHead(), two_stages=True, progress=False)
    for file in files(data, "train", 0):
        Path(file).unlink()
    learner.fine_tune(0)
    assert learner.features is not None
    assert learner.features.parts["train"].shape == (159, 32)
    assert len(learner.features.rows["train"]) == 159
    assert learner.history.notes[-1].startswith("1 of 200 items could not be read any more: ")
    assert all(len(each.predictions["valid"]) == 40 for each in learner.baselines())


@pytest.mark.slow
def test_too_many_of_them_stop_it(read_again: hw.Data) -> None:
    gone = files(read_again, "train", 1, 2, 3)
    learner = hw.Learner(read_again, BodyHead(), two_stages=True, callbacks=[Spoil(*gone)], progress=False)
    with pytest.raises(DataError, match=r"3 of 200 items could be read at first"):
        learner.fit(3)


def test_a_store_does_not_read_them_again(digits: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(digits, tmp_path / "digits"))
    data = hw.from_folder(folder, input=hw.Image("file", size=28, channels=1))
    learner = hw.Learner(
        data, BodyHead(), two_stages=True, callbacks=[Spoil(*files(data, "train", 1, 2, 3, 4))], progress=False
    )
    learner.fit(2)
    assert data.lost == {}
    assert learner.history.notes == []
