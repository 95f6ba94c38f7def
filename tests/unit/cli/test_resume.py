from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import headway as hw
from headway.runs.run import Run, new_run
from tests.commands import started
from tests.stopping import Killed, saves_counted
from tests.unit.bundle.hub_server import Hub
from tests.unit.cli.conftest import Command
from tests.unit.data.test_repository import hub, photo, table

# Servers and commands in processes of their own take seconds to start.
pytestmark = [pytest.mark.slow, pytest.mark.long]

# A fixture, named here so that it counts as used.
__all__ = ["hub"]

PhotoFolder = Callable[..., Path]
EXPORT = "headway.learner.learner.export_trained"
SMALL = ("--arch", "small_resnet", "--size", 32, "--precision", "float32", "--device", "cpu", "--epochs", 2)


@pytest.fixture(autouse=True)
def _no_bundle(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export takes longer than all else of such a run; two tests ask what comes of it."""
    if request.function not in (test_the_last_line_is_that_of_the_whole, test_a_run_of_data_elsewhere):
        monkeypatch.setattr(EXPORT, lambda *_, **__: None)


@pytest.fixture
def photos(photo_folder: PhotoFolder) -> Path:
    return photo_folder({"cat": 20, "dog": 20})


def killed(headway: Command, photos: Path, *, save: int, name: str = "part") -> Path:
    with pytest.raises(Killed), saves_counted(error=Killed(), at=save):
        headway("train", photos, *SMALL, "--name", name)
    return Path("runs") / name


@pytest.mark.slow
def test_the_last_line_is_that_of_the_whole(headway: Command, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(EXPORT, lambda *_, **__: None)
        whole = headway("train", photos, *SMALL, "--json", "--name", "whole")
    run = killed(headway, photos, save=1)
    assert not (run / "report.json").exists()
    part = headway("resume", run, "--json")
    assert (part.status, part.err) == (0, "")
    assert part.line["run_dir"] == "runs/part"
    assert part.line["metrics"] == whole.line["metrics"]
    assert [each | {"seconds": 0} for each in part.line["history"]] == [
        each | {"seconds": 0} for each in whole.line["history"]
    ]
    assert hw.load(part.line["bundle"]).labels == ("cat", "dog")

    # Once more: nothing is trained, and it says the same.
    again = headway("resume", run, "--json")
    assert (again.status, again.err) == (0, "")
    assert again.line["history"] == part.line["history"]
    assert again.line["metrics"] == part.line["metrics"]
    assert not list(run.rglob("*.part"))


def test_killed_while_reading(headway: Command, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is there but what was asked for."""

    def read(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("headway.data.build.from_folder", read)
        patch.setattr(Run, "drop_unless_begun", lambda _: None)
        with pytest.raises(Killed):
            headway("train", photos, *SMALL, "--seed", 3)
    run = Path("runs/photos")
    assert {path.name for path in run.iterdir()} == {"config.json", ".lock", ".owner"}
    done = headway("resume", run, "--json")
    assert (done.status, done.err) == (0, "")
    whole = headway("train", photos, *SMALL, "--seed", 3, "--json")
    assert done.line["metrics"] == whole.line["metrics"]
    config = json.loads((run / "config.json").read_text())
    assert config["settings"]["seed"] == 3


def test_killed_between_the_settings_and_the_training(headway: Command, photos: Path) -> None:
    def kill(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "note_call", kill)
        with pytest.raises(Killed):
            headway("train", photos, *SMALL)
    done = headway("resume", "runs/photos", "--json")
    assert (done.status, done.err) == (0, "")
    assert [each["stage"] for each in done.line["history"]] == ["all", "all"]


def test_data_that_have_changed(headway: Command, photos: Path) -> None:
    run = killed(headway, photos, save=1)
    gone = photos / "cat" / "003.png"
    gone.unlink()
    done = headway("resume", run)
    assert done.status == 2
    assert done.err == (
        "headway: 1 of the run's 40 items have changed since it began, so it would not end the same.\n"
        f"  Given: {gone} (no such file)\n"
        "  Fix:   Put them back; if they have moved, pass --data FOLDER (data=); to take them as they are now, "
        "--accept-changes (accept_changes=True).\n"
    )
    done = headway("resume", run, "--accept-changes", "--json")
    assert (done.status, done.err) == (0, "")
    assert len(done.line["history"]) == 2
    # What was accepted is what the run knows from then on.
    assert headway("report", run).status == 0


def test_photos_that_have_moved(headway: Command, photos: Path) -> None:
    run = killed(headway, photos, save=1)
    photos.rename(photos.with_name("new"))
    done = headway("resume", run, "--accept-changes")
    assert done.status == 2
    assert done.err.startswith("headway: 40 of the run's 40 items cannot be read any more;")
    done = headway("resume", run, "--data", photos.with_name("new"), "--json")
    assert (done.status, done.err) == (0, "")
    assert headway("report", run).status == 0
    again = headway("repeat", run, "--json")
    assert again.line["repeats"]["agree"]


def test_a_half_written_line(headway: Command, photos: Path) -> None:
    run = killed(headway, photos, save=2)
    history = run / "history.jsonl"
    whole = history.read_bytes()
    history.write_bytes(whole + b'{"stage": "all", "ep')
    done = headway("resume", run, "--json")
    assert (done.status, done.err) == (0, "")
    lines = history.read_text().splitlines()
    assert [json.loads(line) for line in lines] == done.line["history"]
    assert history.read_bytes().startswith(whole)
    assert len(lines) == 2


@pytest.mark.slow
def test_a_damaged_checkpoint(headway: Command, photos: Path) -> None:
    """What the error says helps."""
    whole = headway("train", photos, *SMALL, "--json", "--name", "whole")
    run = killed(headway, photos, save=1)
    file = run / "checkpoints" / "0" / "stage.safetensors"
    data = bytearray(file.read_bytes())
    for damaged in (data[:1000], data[:-5000], data[:-10] + bytes([data[-10] ^ 1]) + data[-9:]):
        file.write_bytes(damaged)
        done = headway("resume", run)
        assert done.status == 2
        lines = done.err.splitlines()
        assert lines[0] == "headway: A checkpoint cannot be read."
        assert lines[1].startswith(f"  Given: {file} (")
        assert lines[2] == f"  Fix:   Delete {file}: the run then continues from the checkpoint before it."
    file.unlink()
    done = headway("resume", run, "--json")
    assert (done.status, done.err) == (0, "")
    assert done.line["metrics"] == whole.line["metrics"]


def test_a_run_that_never_trained(headway: Command, photos: Path) -> None:
    data = hw.from_folder(photos, input=hw.Image("file", size=32))
    hw.Learner(data, "small_resnet", pretrained=False, run=Path("runs/idle").absolute(), progress=False)
    done = headway("resume", "runs/idle")
    assert done.status == 2
    assert done.err == (
        "headway: The run was stopped before it trained.\n"
        "  Given: runs/idle, from Python, without a call that trains\n"
        "  Fix:   Start it again.\n"
    )


def test_folders_that_are_no_runs(headway: Command, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text('{"architectures": ["ResNet"]}')
    (tmp_path / "empty").mkdir()
    for name, why in (
        ("nowhere", f", looked up from {tmp_path} (nothing is there)"),
        ("empty", " (a folder without a config.json of a run)"),
        ("model", " (a folder without a config.json of a run)"),
    ):
        done = headway("resume", name)
        assert done.status == 2
        assert done.err == (
            "headway: That is not the folder of a run.\n"
            f"  Given: {name}{why}\n"
            "  Fix:   Name a run's folder, such as runs/pets; `headway runs` lists them.\n"
        )
        assert not (tmp_path / name / ".lock").exists()


HOLD = """
import sys, time
from headway.runs.run import Run
from pathlib import Path
with Run(Path(sys.argv[1])).held():
    print("held", flush=True)
    time.sleep(600)
"""


def test_two_processes_on_one_run(headway: Command, photos: Path) -> None:
    run = killed(headway, photos, save=1)
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(run)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        done = headway("resume", run)
        assert done.status == 2
        lines = done.err.splitlines()
        assert lines[0] == "headway: Another process is using this run."
        assert lines[1].startswith(f"  Given: {run}, held by process {other.pid} on ")
        assert lines[2] == "  Fix:   Wait until it has ended, or stop it."
    finally:
        other.kill()
        other.wait()
        assert other.stdout is not None
        other.stdout.close()
    # Its lock went with it, though its file is still there.
    assert (run / ".lock").exists()
    assert headway("resume", run).status == 0


def test_a_read_only_disk(headway: Command, photos: Path, tmp_path: Path) -> None:
    run = killed(headway, photos, save=1).absolute()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root may mount")
    place = tmp_path / "mounted"
    place.mkdir()
    if subprocess.run(["mount", "--bind", run, place], capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
        done = headway("resume", place)
        assert done.status == 2
        assert done.err == (
            "headway: The run's folder cannot be written.\n"
            f"  Given: {place} (Read-only file system)\n"
            "  Fix:   Free space or fix the permissions, then: headway resume RUN. "
            "What was saved before stays as it is.\n"
        )
    finally:
        subprocess.run(["umount", place], check=True)
    assert headway("resume", run).status == 0


def test_a_full_disk(headway: Command, photos: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root may mount")
    place = tmp_path / "mounted"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        (place / "large").write_bytes(b"\0" * 2**20)
        done = headway("train", photos, *SMALL, "--runs", place)
        assert done.status == 2
        assert "No space left on device" in done.err
        assert "Traceback" not in done.err
        (place / "large").unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        done = headway("resume", place / "photos", "--json")
        assert (done.status, done.err) == (0, "")
    finally:
        subprocess.run(["umount", place], check=True)


SLOW_STEPS = """
import sys, time
from headway.train import loop
real = loop.set_lr
def set_lr(*arguments):
    print("step", flush=True)
    time.sleep(0.5)
    real(*arguments)
loop.set_lr = set_lr
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signum", "status", "times"), [(signal.SIGINT, 130, 1), (signal.SIGTERM, 143, 1), (signal.SIGINT, 130, 2)]
)
def test_signals(headway: Command, photos: Path, tmp_path: Path, signum: int, status: int, times: int) -> None:
    with started("train", photos, *SMALL, cwd=tmp_path, patch=SLOW_STEPS) as running:
        while "step\n" not in running.out:
            assert running.process.is_alive()
            time.sleep(0.01)
        for _ in range(times):
            assert running.process.pid is not None
            os.kill(running.process.pid, signum)
            time.sleep(0.1)
        done = running.wait()
    assert done.status == status
    # What comes first says that the step goes on, where it still does.
    said = done.err.removeprefix("Stopping after this step. Press Ctrl-C again to stop at once.\n")
    assert said == "\nheadway: Stopped. Continue with: headway resume runs/photos\n"
    # The step was done and saved, unless the second signal did not wait for it.
    saved = tmp_path / "runs" / "photos" / "checkpoints" / "0" / "stage.safetensors"
    assert saved.exists() == (times == 1)
    resumed = headway("resume", "runs/photos", "--json")
    assert (resumed.status, resumed.err) == (0, "")
    assert len(resumed.line["history"]) == 2


def test_a_name_that_is_planned_is_not_taken_twice(headway: Command, photos: Path) -> None:
    run = killed(headway, photos, save=1, name="pets")
    assert new_run("runs", "pets").path != run


def test_a_run_of_data_elsewhere(headway: Command, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a repository of the hub to answers for files on the web, with a kill between."""
    hub.files["datasets/ada/pets"] = {"train.parquet": table(range(40)), "rex.png": photo(1)}
    of = ("--input", "image", "--target", "label", *SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(EXPORT, lambda *_, **__: None)
        whole = headway("train", "hf://datasets/ada/pets", *of, "--json", "--name", "whole")
    assert (whole.status, whole.err) == (0, "")
    with pytest.raises(Killed), saves_counted(error=Killed(), at=1):
        headway("train", "hf://datasets/ada/pets", *of, "--name", "part")
    part = headway("resume", "runs/part", "--json")
    assert part.line["metrics"] == whole.line["metrics"]

    web = f"{hub.address}/datasets/ada/pets/resolve/main"
    measured = headway("evaluate", part.line["bundle"], f"{web}/train.parquet", "--json")
    assert measured.line["items"] == 40
    answered = headway("predict", part.line["bundle"], f"{web}/rex.png", f"{web}/none.png", "--json")
    first, second = map(json.loads, answered.out.splitlines())
    assert (first["file"], first["label"] in ("dark", "light")) == (f"{web}/rex.png", True)
    assert (answered.status, second) == (1, {"file": f"{web}/none.png", "error": "no such file"})
