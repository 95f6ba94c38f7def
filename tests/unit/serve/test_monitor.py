from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

import pytest

from headway.errors import ConfigError, DataError
from headway.serve import monitor
from headway.serve.monitor import Journal, read_log


def test_entries_come_back_as_they_were(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")
    entries = [{"label": "Bär", "score": 0.5, "familiar": None}, {"problem": "unreadable"}]
    for entry in entries:
        journal.write(entry, file=b"not kept")
    journal.close()
    found = list(read_log(tmp_path / "log"))
    assert [{key: value for key, value in each.items() if key != "time"} for each in found] == entries
    assert all(each["time"].endswith("+00:00") for each in found)
    assert not (tmp_path / "log" / "inputs").exists()


def test_files_are_rotated_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "_FILE_BYTES", 1000)
    monkeypatch.setattr(monitor, "_OLD_FILES", 2)
    journal = Journal(tmp_path)
    for number in range(100):
        journal.write({"number": number})
    journal.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["predictions.jsonl", "predictions.jsonl.1", "predictions.jsonl.2"]
    assert all(file.stat().st_size <= 1000 for file in files)
    kept = sorted(entry["number"] for entry in read_log(tmp_path))
    assert kept == list(range(100 - len(kept), 100))
    assert len(kept) > 30


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    for number in range(3):
        journal = Journal(tmp_path)
        journal.write({"number": number})
        journal.close()
    assert [entry["number"] for entry in read_log(tmp_path)] == [0, 1, 2]


def test_images_are_kept_once_and_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "_MAX_KEPT_BYTES", 10)
    journal = Journal(tmp_path, keep_inputs=True)
    for image in (b"aaaa", b"aaaa", b"bbbb", b"cccc"):
        journal.write({}, file=image)
    journal.close()
    names = [entry.get("input") for entry in read_log(tmp_path)]
    assert names[0] == names[1] != names[2]
    assert names[3] is None
    assert sorted(file.read_bytes() for file in (tmp_path / "inputs").iterdir()) == [b"aaaa", b"bbbb"]


def test_a_slow_disk_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "_MAX_BEHIND", 5)
    journal = Journal(tmp_path)
    emit, disk = journal._file.emit, threading.Event()

    def slow(record: logging.LogRecord) -> None:
        assert disk.wait(10)
        emit(record)

    monkeypatch.setattr(journal._file, "emit", slow)
    for number in range(50):
        journal.write({"number": number})
    disk.set()
    journal.close()
    assert journal.num_dropped >= 40
    assert len(list(read_log(tmp_path))) == 50 - journal.num_dropped


def test_a_full_disk_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    emit = journal._file.emit

    def full(record: logging.LogRecord) -> None:
        if '"number": 1' in record.msg:
            raise OSError(28, "No space left on device")
        emit(record)

    monkeypatch.setattr(journal._file, "emit", full)
    for number in range(3):
        journal.write({"number": number})
    journal.close()
    assert [entry["number"] for entry in read_log(tmp_path)] == [0, 2]
    assert journal.num_dropped == 1


def test_lines_that_are_no_entries_are_passed_over(tmp_path: Path) -> None:
    lines = ['{"label": "cat"}', '{"label": "d', "[1]", "\udcff", json.dumps({"label": "dog"})]
    (tmp_path / "predictions-17.jsonl").write_bytes("\n".join(lines).encode(errors="surrogateescape"))
    assert [entry["label"] for entry in read_log(tmp_path)] == ["cat", "dog"]
    assert len(list(read_log(tmp_path / "predictions-17.jsonl"))) == 2


def test_without_a_log_there_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_log(tmp_path)
    assert str(caught.value) == (
        "The log was not found: it must be a file, or a folder with predictions.jsonl in it.\n"
        f"  Given: {tmp_path}\n"
        "  Fix:   Name the folder that `headway serve --log` wrote to."
    )
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written to"):
        Journal(tmp_path / "file" / "log")
