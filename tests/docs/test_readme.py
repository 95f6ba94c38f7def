"""The README's shell blocks, run as they stand, with a small folder of pictures for `photos/`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.photos import write_examples

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_make_targets_are_in_the_makefile() -> None:
    """`make demo` itself is tested in tests/learn: here only that there is such a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {line.split()[1] for block in blocks("bash") for line in block.splitlines() if line.startswith("make ")}
    assert named
    assert named <= targets


def test_table_is_the_one_that_the_blocks_run_on(tmp_path: Path) -> None:
    write_examples(tmp_path)
    (shown,) = blocks("csv")
    assert (tmp_path / "photos.csv").read_text().startswith(shown)


@pytest.mark.slow
def test_shell_blocks_run(tmp_path: Path) -> None:
    write_examples(tmp_path)
    # The interpreter that runs the tests stands in for the .venv of a fresh clone.
    (tmp_path / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    path = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HEADWAY_CACHE": str(tmp_path / "cache")}
    for block in blocks("bash"):
        if block.startswith("make "):
            continue
        command = ["bash", "-euo", "pipefail", "-c", block]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    made = {file.name for file in (tmp_path / "runs" / "photos").iterdir()}
    promised = set(re.findall(r"`([a-z]+\.[a-z]+)`", README.split("## What you get")[1].split("\n\n")[2]))
    assert promised - made == {"problems.csv"}
    assert json.loads((tmp_path / "runs" / "photos" / "report.json").read_text())["baselines"]
