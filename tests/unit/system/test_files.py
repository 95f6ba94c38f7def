"""Whatever is opened that somebody else has made is a regular file within its limit: nothing waits, nothing swells."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PILImage

import headway as hw
from headway.data.tables import read_values
from headway.data.texts import read_texts
from headway.errors import HeadwayError, ReadError
from headway.judge.baselines.run import load_results
from headway.learner.weights import load_weights
from headway.runs.checkpoint import Checkpoints
from headway.runs.run import list_runs, open_run
from headway.serve.monitor import read_log
from headway.system import files as module
from headway.system.files import MAX_FILE_BYTES, open_file, read_file
from tests.serve.server import GOLDEN

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices are named otherwise there")


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def device(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


def sparse(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(3 * 10**9)
    return path


STRANGE = (pipe, device, sparse)
Make = Callable[[Path], Path]


@pytest.mark.parametrize("make", STRANGE)
def test_only_regular_files_up_to_a_size_are_opened(make: Make, tmp_path: Path) -> None:
    reason = "too large: 3.0 GB, the limit is 0.5 GB" if make is sparse else "not a regular file"
    with pytest.raises(OSError, match=f"^{reason}$"):
        read_file(make(tmp_path / "file"))


@pytest.mark.parametrize("make", STRANGE)
def test_a_bundle_does_not_call_them_damaged(make: Make, tmp_path: Path) -> None:
    path = make(tmp_path / "file.jpg")
    reason = "too large: 3.0 GB, the limit is 0.5 GB" if make is sparse else "not a regular file"
    with pytest.raises(ReadError) as caught:
        hw.load(GOLDEN).predict(path)
    assert str(caught.value) == f"{path}: {reason}"


def test_a_regular_file_is_read_and_the_usual_errors_stay(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_file(tmp_path / "file") == b"12345"
    with open_file(tmp_path / "file", max_bytes=5) as file:
        assert file.read(2) == b"12"
    with pytest.raises(OSError, match=r"^too large: 0.0 GB, the limit is 0.0 GB$"):
        read_file(tmp_path / "file", max_bytes=4)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path)


@pytest.mark.parametrize("make", STRANGE)
def test_items_that_are_none_are_left_out_with_the_reason(make: Make, tmp_path: Path) -> None:
    for number in range(40):
        folder = tmp_path / ("cat" if number % 2 else "dog")
        folder.mkdir(exist_ok=True)
        PILImage.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")
    make(tmp_path / "cat" / "p.jpg")
    (problem,) = hw.from_folder(tmp_path, size=8).problems.to_dicts()
    assert problem["file"].endswith("p.jpg")
    assert problem["reason"].startswith("too large: 3.0 gb" if make is sparse else "not a regular file")
    (answer,) = hw.load(GOLDEN).try_many([tmp_path / "cat" / "p.jpg"])
    assert isinstance(answer, hw.ReadError)


@pytest.mark.parametrize("make", [pipe, device])
@pytest.mark.parametrize(
    ("read", "what"),
    [
        (hw.load, "The bundle cannot be opened: not a regular file."),
        (read_values, "The table cannot be read."),
        (lambda file: load_weights(None, file), "The weights cannot be read."),  # pyright: ignore[reportArgumentType]
        (lambda file: Checkpoints(file.parent).load("m"), "A checkpoint cannot be read."),
    ],
)
def test_every_door_refuses_them(make: Make, read: Callable[[Path], Any], what: str, tmp_path: Path) -> None:
    with pytest.raises(HeadwayError) as error:
        read(make(tmp_path / "m.safetensors"))
    assert error.value.what == what
    assert "not a regular file" in str(error.value)


@pytest.mark.parametrize("make", STRANGE)
def test_a_folder_of_runs_is_not_waited_for(make: Make, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    make(tmp_path / "run" / "config.json")
    assert list_runs(tmp_path) == []
    with pytest.raises(hw.ConfigError):
        open_run(tmp_path / "run")
    make(tmp_path / "baselines.npz")
    assert load_results(tmp_path / "baselines.npz", "key") is None


def test_json_of_many_brackets_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "predictions.jsonl").write_text('{"label": "cat"}\n' + "[" * 100_000 + '\n{"label": "dog"}\n')
    assert [entry["label"] for entry in read_log(tmp_path)] == ["cat", "dog"]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"a":' * 100_000)
    assert list_runs(tmp_path) == []


@pytest.mark.parametrize("make", [pipe, device])
def test_a_log_that_is_none_is_an_error(make: Make, tmp_path: Path) -> None:
    make(tmp_path / "predictions.jsonl")
    for path in (tmp_path, tmp_path / "predictions.jsonl"):
        with pytest.raises(hw.DataError) as error:
            list(read_log(path))
        assert str(error.value) == (
            "A file of the log cannot be read.\n"
            f"  Given: {tmp_path / 'predictions.jsonl'}: not a regular file\n"
            "  Fix:   Remove it, or name another log."
        )


@pytest.mark.parametrize("make", [pipe, device])
def test_a_text_that_is_none_is_an_error(make: Make, tmp_path: Path) -> None:
    with pytest.raises(hw.DataError) as error:
        read_texts(make(tmp_path / "book.txt"))
    assert str(error.value) == (
        f"A text cannot be read.\n  Given: {tmp_path / 'book.txt'}: not a regular file\n  Fix:   Correct or remove it."
    )


def test_nothing_else_opens_what_others_have_made() -> None:
    """Whoever opens a file by its path goes through this module, but for what Headway itself has put there."""
    own = {
        "bundle/other_formats.py",
        "bundle/site.py",
        "serve/app.py",
        "datasets",
        "course",
        "data/store.py",
        "data/values.py",
        "judge/report",
        "inputs/image/models.py",
        "why/catalogue.py",
        # What they hold goes into a file of its own, which does without Headway.
        "inputs/image/peel.py",
        "inputs/image/plain_reader.py",
        "peel",
    }
    root, direct = Path(module.__file__).parents[1], (".read_bytes(", ".read_text(", '.open("rb")', ".open(encoding")
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if any(call in path.read_text() for call in direct)
    }
    assert [name for name in sorted(found) if not name.startswith(tuple(own))] == []
    assert MAX_FILE_BYTES < 10**9


def test_a_message_says_where_a_relative_path_was_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    acts: dict[str, tuple[Callable[[str], object], str]] = {
        "nix.headway": (hw.load, ""),
        "nix.csv": (lambda path: hw.from_csv(path, target="y"), " (no such file)"),
        "nix": (hw.from_folder, " (nothing is there)"),
        "runs/nix": (hw.Learner.resume, " (nothing is there)"),
    }
    for path, (act, state) in acts.items():
        with pytest.raises(hw.HeadwayError) as caught:
            act(path)
        assert f"\n  Given: {path}, looked up from {tmp_path}{state}\n" in str(caught.value)
