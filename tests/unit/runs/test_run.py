from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from torch import nn

import headway as hw
from headway.errors import ConfigError
from headway.runs.run import Run, list_runs, new_run
from headway.system.versions import library_versions
from headway.train.history import Epoch

ENTRY = Epoch(stage="all", epoch=1, train_loss=0.5, valid_loss=0.25, metrics={"accuracy": 0.75}, lr=0.001, seconds=1.5)


def test_a_run_is_a_new_folder(tmp_path: Path) -> None:
    run = new_run(tmp_path / "deep" / "runs", "pets")
    assert run.path == tmp_path / "deep" / "runs" / "pets"
    assert run.path.is_dir()
    assert run.bundle == run.path / "model.headway"


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    names = [new_run(tmp_path, "pets").path.name for _ in range(3)]
    assert names == ["pets", "pets-2", "pets-3"]
    (tmp_path / "pets-2").rmdir()
    assert new_run(tmp_path, "pets").path.name == "pets-2"
    (tmp_path / "cats").touch()
    assert new_run(tmp_path, "cats").path.name == "cats-2"


@pytest.mark.parametrize("name", ["photos of pets", "été", "猫", "a.b", "-x", "~", "..."])
def test_odd_names_that_are_folders(tmp_path: Path, name: str) -> None:
    assert new_run(tmp_path, name).path == tmp_path / name
    assert (tmp_path / name).is_dir()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "a\\b", "a:b", "a*", "a?", 'a"', "<", ">", "a|b", "\0"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        new_run(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for runs in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError):
            new_run(runs, "pets")


def test_home_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert new_run("~/runs", "pets").path == tmp_path / "runs" / "pets"
    (tmp_path / "runs" / "pets" / "config.json").write_text('{"settings": {}, "data": {}, "versions": {}}')
    assert [run.path.name for run in list_runs("~/runs")] == ["pets"]


@pytest.mark.slow
def test_what_is_written_at_the_start(tmp_path: Path, digits_data: hw.Data) -> None:
    run = new_run(tmp_path, "digits")
    run.begin(digits_data, {"arch": "small_resnet", "seed": 0, "own": []}, nn.Identity())
    config = run.config
    assert config == json.loads((run.path / "config.json").read_text())
    assert config["settings"] == {"arch": "small_resnet", "seed": 0, "own": []}
    assert config["versions"] == library_versions()
    assert config["data"] == {
        "fingerprint": digits_data.fingerprint,
        "items": 200,
        "split": digits_data.split.describe(),
        "groups": None,
        "notes": [],
    }
    assert config["input"] == digits_data.input.to_json()
    assert config["target"] == digits_data.target.to_json()
    assert pl.read_parquet(run.path / "items.parquet").equals(digits_data.items)
    assert sorted(path.name for path in run.path.iterdir()) == ["config.json", "items.parquet"]
    assert run.report is None


def test_problems_are_written_where_there_are_any(tmp_path: Path, digits_data: hw.Data) -> None:
    problems = pl.DataFrame({"row": [3], "file": ["a, b.jpg"], "reason": ['damaged: "x"']})
    run = new_run(tmp_path, "digits")
    run.begin(replace(digits_data, problems=problems), {"own": []}, nn.Identity())
    assert pl.read_csv(run.path / "problems.csv").equals(problems)


def test_problems_hold_nothing_that_steers_a_terminal(tmp_path: Path, digits_data: hw.Data) -> None:
    problems = pl.DataFrame({"row": [3], "file": ["a\x1b[2J\r\n\x9b.jpg"], "reason": ["\u202edamaged"]})
    run = new_run(tmp_path, "digits")
    run.begin(replace(digits_data, problems=problems), {"own": []}, nn.Identity())
    assert (run.path / "problems.csv").read_bytes() == (
        rb"row,file,reason" b"\n" rb"3,a\u001b[2J\u000d\u000a\u009b.jpg,\u202edamaged" b"\n"
    )


def test_items_in_memory_can_be_saved(tmp_path: Path, digits_data: hw.Data) -> None:
    """Arrays have no place in a table on disk; the other columns are kept."""
    items = digits_data.items.with_columns(pixels=pl.Series([object()] * 200, dtype=pl.Object))
    run = new_run(tmp_path, "digits")
    run.begin(replace(digits_data, items=items), {"own": []}, nn.Identity())
    assert pl.read_parquet(run.path / "items.parquet").columns == digits_data.items.columns


def test_calls_are_added_to_the_config_in_order(tmp_path: Path, digits_data: hw.Data) -> None:
    run = new_run(tmp_path, "digits")
    run.begin(digits_data, {"arch": "small_resnet", "own": []}, nn.Identity())
    run.note_call(0, {"call": "fine_tune", "epochs": 2, "minutes": None})
    run.note_call(1, {"call": "fit", "epochs": 1})
    assert run.config["training"] == [
        {"call": "fine_tune", "epochs": 2, "minutes": None},
        {"call": "fit", "epochs": 1},
    ]
    assert run.config["settings"] == {"arch": "small_resnet", "own": []}
    assert not list(run.path.glob("*.part"))


def test_the_history_is_only_ever_added_to(tmp_path: Path) -> None:
    run = new_run(tmp_path, "digits")
    run.record(0, ENTRY.to_json())
    run.record(1, ENTRY.to_json())
    # A run that goes on comes to it again.
    run.record(0, ENTRY.to_json())
    lines = (run.path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [ENTRY.to_json()] * 2


def test_entries_are_taken_back(tmp_path: Path) -> None:
    run, other = new_run(tmp_path, "digits"), ENTRY.to_json() | {"epoch": 2}
    for number in range(3):
        run.record(number, ENTRY.to_json())
    run.forget(1)
    run.record(1, other)
    lines = (run.path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [ENTRY.to_json(), other]


def test_text_is_utf_8_on_every_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = io.text_encoding
    monkeypatch.setattr(io, "text_encoding", lambda encoding, level=2: encoding or "ascii")
    run = Run(tmp_path)
    (tmp_path / "report.json").write_bytes('{"labels": ["Kätzchen"]}'.encode())
    found = run.report
    monkeypatch.setattr(io, "text_encoding", real)
    assert found == {"labels": ["Kätzchen"]}


def test_runs_are_listed_by_name(tmp_path: Path, digits_data: hw.Data) -> None:
    assert list_runs(tmp_path / "nowhere") == []
    for name in ("b", "a", "c"):
        new_run(tmp_path, name).begin(digits_data, {"own": []}, nn.Identity())
    assert [run.path.name for run in list_runs(tmp_path)] == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"architectures": ["ResNet"]}', "\x00"])
def test_folders_of_other_programs_are_passed_over(tmp_path: Path, digits_data: hw.Data, text: str) -> None:
    new_run(tmp_path, "ours").begin(digits_data, {"own": []}, nn.Identity())
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "config.json").write_text(text)
    (tmp_path / "empty").mkdir()
    assert [run.path.name for run in list_runs(tmp_path)] == ["ours"]
