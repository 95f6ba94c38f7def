from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from headway.system import machine
from headway.system.machine import keep_freed_memory

_RUN = """
import resource, sys
import numpy as np
from headway.system.machine import keep_freed_memory, return_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()
if sys.argv[1] == "return":
    assert return_freed_memory()
before = None
for turn in range(6):
    block = np.ones(2**26, dtype=np.uint8)
    del block
    if turn == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

IS_GLIBC = platform.libc_ver()[0] == "glibc"


def pages_taken(how: str) -> int:
    """How many pages the system hands out for four more blocks of 64 MB, one after the other."""
    done = subprocess.run([sys.executable, "-c", _RUN, how], check=True, capture_output=True, text=True)
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not IS_GLIBC, reason="only glibc can be asked")
def test_a_large_block_is_used_again() -> None:
    kept = pages_taken("keep")
    assert kept < pages_taken("leave") / 10
    assert kept < pages_taken("return") / 10


def test_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    keep_freed_memory.cache_clear()
    assert not keep_freed_memory()
    keep_freed_memory.cache_clear()


def test_a_container_has_no_more_than_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "_MEMORY_LIMIT", limit)
    whole = machine.memory_bytes()
    limit.write_text("max\n")
    assert machine.memory_bytes() == whole > 2**28
    limit.write_text(f"{2**20}\n")
    assert machine.memory_bytes() == 2**20
