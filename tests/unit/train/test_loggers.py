from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from torch import nn

import headway as hw
from tests.stopping import QUIET, killed_at

Make = Callable[..., nn.Module]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as opened:
        return list(csv.DictReader(opened))


def told(learner: hw.Learner) -> list[dict[str, str]]:
    """What a log of the history must hold, but for the seconds."""
    return [
        {name: "" if value is None else str(value) for name, value in entry.items() if name != "seconds"}
        for entry in learner.history.to_json()
    ]


def without_seconds(path: Path) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows(path)]


def test_csv_has_the_head_and_every_epoch(digits_data: hw.Data, body_head: Make, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "log.csv"
    learner = hw.Learner(digits_data, body_head(), callbacks=[hw.CSVLogger(file)], **QUIET)
    learner.fine_tune(1)
    learner.fit(2)
    assert list(rows(file)[0]) == ["stage", "epoch", "train_loss", "valid_loss", "lr", "seconds", "accuracy"]
    assert without_seconds(file) == told(learner)


@pytest.mark.parametrize("save", [3, 8])
def test_csv_of_a_run_that_goes_on_is_whole(digits_data: hw.Data, linear: Make, tmp_path: Path, save: int) -> None:
    file = tmp_path / "log.csv"
    options = {"batch_size": 64, **QUIET}
    broken = hw.Learner(digits_data, linear(), run=tmp_path / "run", callbacks=[hw.CSVLogger(file)], **options)
    with killed_at(save):
        broken.fit(4)
    again = hw.Learner.resume(tmp_path / "run", arch=linear(), callbacks=[hw.CSVLogger(file)], progress=False)
    assert len(again.history) == 4
    assert without_seconds(file) == told(again)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(hw.ConfigError, match=r"The log's folder cannot be made\."):
        hw.CSVLogger(tmp_path / "file" / "log.csv")


@pytest.mark.slow
def test_tensorboard_has_a_point_an_entry_even_after_a_stop(digits_data: hw.Data, linear: Make, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    broken = hw.Learner(digits_data, linear(), run=tmp_path / "run", callbacks=[hw.TensorBoard(tmp_path)], **QUIET)
    with killed_at(8):
        broken.fit(3)
    hw.Learner.resume(tmp_path / "run", arch=linear(), callbacks=[hw.TensorBoard(tmp_path)], progress=False)
    found = EventAccumulator(str(tmp_path)).Reload()
    assert {"train_loss", "valid_loss", "accuracy", "lr"} <= set(found.Tags()["scalars"])
    assert [each.step for each in found.Scalars("accuracy")] == [0, 1, 2]


def test_trackio_is_called_as_its_documentation_says(
    digits_data: hw.Data, linear: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, Any]] = []

    class Run:
        def log(self, metrics: dict[str, Any]) -> None:
            calls.append(metrics)

    def init(**given: Any) -> Run:
        calls.append(given)
        return Run()

    fake = ModuleType("trackio")
    fake.init = init  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trackio", fake)
    hw.Learner(digits_data, linear(), callbacks=[hw.Trackio("digits", "first")], **QUIET).fit(2)
    assert calls[0] == {"project": "digits", "name": "first", "embed": False}
    assert [sorted(each) for each in calls[1:]] == [["accuracy", "lr", "seconds", "train_loss", "valid_loss"]] * 2


@pytest.mark.parametrize(("logger", "package"), [(hw.TensorBoard, "tensorboard"), (hw.Trackio, "trackio")])
def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch, logger: Any, package: str) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    monkeypatch.setitem(sys.modules, "trackio", None)
    with pytest.raises(hw.ConfigError) as caught:
        logger("logs")
    assert caught.value.what == f"The package {package} is not installed, which this callback needs."
    assert caught.value.fix == f"Install it: pip install {package}"
