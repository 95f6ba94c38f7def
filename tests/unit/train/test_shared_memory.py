from __future__ import annotations

import errno
import os
import platform
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from headway.train import shared_memory
from headway.train.shared_memory import SharedMemory, size

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="processes share memory on x86 Linux"
)


def members(folder: Path, world: int) -> list[SharedMemory]:
    file = folder / "memory"
    file.write_bytes(bytes(size(world)))
    return [SharedMemory(file, rank, world) for rank in range(world)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_all_have_what_each_has(dtype: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Several turns each, the last one with less.
    monkeypatch.setattr(shared_memory, "SLOT_BYTES", 64)
    draw = torch.Generator().manual_seed(0)
    tensors = [(10 * torch.randn(7, 11, generator=draw)).to(dtype) for _ in range(3)]
    # In a layout that is not that of memory, and empty.
    sent = [[tensor.T, tensor[:0], tensor[0, 0]] for tensor in tensors]
    with ThreadPoolExecutor(3) as threads:
        pairs = zip(members(tmp_path, 3), sent, strict=True)
        got = list(threads.map(lambda pair: [pair[0].gathered(each) for each in pair[1]], pairs))
    for each in got:
        assert all(torch.equal(*pair) for pair in zip(each, map(torch.stack, zip(*sent, strict=True)), strict=True))


def test_sums_have_the_same_bits_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "SLOT_BYTES", 64)
    tensors = list(torch.randn(3, 1001, generator=torch.Generator().manual_seed(0)))
    wanted = tensors[0] + tensors[1] + tensors[2]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(SharedMemory.add_up, members(tmp_path, 3), tensors))
    assert all(torch.equal(tensor, wanted) for tensor in tensors)


def test_a_process_that_was_killed_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "SECONDS_BETWEEN_QUESTIONS", 0.01)
    file = tmp_path / "memory"
    file.write_bytes(bytes(size(2)))
    memory = SharedMemory(file, 0, 2)
    # What the other one does when it begins.
    code = """if True:
        import fcntl, sys, time
        file = open(sys.argv[1], "r+")
        fcntl.lockf(file, fcntl.LOCK_EX, 1, 1)
        print(flush=True)
        time.sleep(60)"""
    with subprocess.Popen([sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert memory._is_there(1)
        other.send_signal(signal.SIGKILL)
        # Nobody has asked for its status yet: a process of its number is still there.
        with pytest.raises(dist.DistNetworkError, match=r"^process 1 has ended$"):
            memory.gathered(torch.zeros(1))


def test_without_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "FOLDER", tmp_path)
    made = shared_memory._new_file(2)
    assert made is not None
    assert Path(made).stat().st_size == size(2)
    Path(made).unlink()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        assert shared_memory._new_file(2) is None
        patch.setattr(platform, "machine", lambda: "aarch64")
        assert shared_memory._new_file(2) is None
    monkeypatch.setattr(shared_memory, "FOLDER", tmp_path / "none")
    assert shared_memory._new_file(2) is None
    assert list(tmp_path.iterdir()) == []
