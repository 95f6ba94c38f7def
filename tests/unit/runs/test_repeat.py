from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import headway as hw
from headway.errors import RunError
from headway.runs import run as runs
from headway.runs.checkpoint import DONE, Saved
from headway.runs.repeat import compare, copy_plan
from headway.runs.run import Run, open_run


@pytest.fixture
def first(digits_data: hw.Data, tmp_path: Path) -> Run:
    """A run of 160 digits, trained from scratch in two calls."""
    learner = hw.Learner(digits_data, "small_resnet", run=tmp_path / "digits", progress=False)
    learner.fit(1)
    learner.fit(1, lr=1e-4)
    return open_run(tmp_path / "digits")


@pytest.mark.slow
def test_a_run_done_again_comes_to_the_same_bits(first: Run) -> None:
    second = copy_plan(first)
    assert second.path.name == "digits-again"
    assert {each.name for each in second.path.iterdir()} == {"config.json", "items.parquet"}
    with pytest.raises(RunError, match="not finished"):
        compare(first, second)
    learner = hw.Learner.resume(second.path, progress=False)
    found = compare(first, second)
    assert (found.agree, found.largest, found.changed) == (True, 0.0, [])
    assert str(found) == "The weights are bit-identical to the first run's."
    lines = [(run.path / "history.jsonl").read_text().splitlines() for run in (first, second)]
    same = [[{**json.loads(line), "seconds": 0} for line in each] for each in lines]
    assert same[0] == same[1]
    assert len(learner.history) == 2
    assert copy_plan(first).path.name == "digits-again-2"


@pytest.mark.slow
def test_a_difference_is_told_with_what_has_changed(first: Run) -> None:
    second = copy_plan(first)
    shutil.copytree(first.path / "checkpoints", second.path / "checkpoints")
    keep = second.checkpoints(1)
    saved = keep.load(DONE)
    assert saved is not None
    moved = {**saved.tensors, "model.head.bias": saved.tensors["model.head.bias"] + 0.25}
    keep.save(DONE, Saved(moved, saved.values))
    config = second.config
    second.write_config({**config, "threads": 99, "versions": {**config["versions"], "torch": "99.0"}})
    found = compare(first, second)
    assert not found.agree
    assert found.largest == pytest.approx(0.25)
    assert any(each.startswith("torch: ") and each.endswith("-> 99.0") for each in found.changed)
    assert any(each.startswith("threads: ") for each in found.changed)
    assert str(found).startswith("The weights differ from the first run's by up to 0.25. What changed")


def test_a_run_that_never_trained(digits_data: hw.Data, tmp_path: Path) -> None:
    hw.Learner(digits_data, "small_resnet", run=tmp_path / "idle", progress=False)
    with pytest.raises(RunError, match="stopped before it trained"):
        copy_plan(open_run(tmp_path / "idle"))
    assert [each.name for each in tmp_path.iterdir()] == ["idle"]


@pytest.mark.slow
def test_minutes_keep_their_plan(digits_data: hw.Data, tmp_path: Path) -> None:
    hw.Learner(digits_data, "small_resnet", run=tmp_path / "timed", progress=False).fine_tune(minutes=0.01)
    second = copy_plan(open_run(tmp_path / "timed"))
    plans = [(folder / "checkpoints/0/plan.safetensors").read_bytes() for folder in (tmp_path / "timed", second.path)]
    assert plans[0] == plans[1]


@pytest.mark.slow
def test_what_surrounded_a_run_is_written_down(first: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"command", "versions", "platform", "threads", "git", "settings", "training", "data"} <= first.config.keys()
    monkeypatch.setattr(runs, "git_state", lambda: None)
    assert runs.environment()["git"] is None
