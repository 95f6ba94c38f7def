"""The README's shell blocks, run as they stand, with a small folder of pictures for `photos/`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.docs.photos import write_examples
from tests.docs.shell import run_block

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_table_is_the_one_that_the_blocks_run_on(tmp_path: Path) -> None:
    write_examples(tmp_path)
    (shown,) = blocks("csv")
    assert (tmp_path / "photos.csv").read_text().startswith(shown)


@pytest.mark.long
@pytest.mark.slow
def test_shell_blocks_run(tmp_path: Path) -> None:
    write_examples(tmp_path)
    for block in blocks("bash"):
        run_block(block, tmp_path)
    made = {file.name for file in (tmp_path / "runs" / "photos").iterdir()}
    promised = set(re.findall(r"`([a-z]+\.[a-z]+)`", README.split("## What a run writes")[1].split("\n\n")[2]))
    assert promised - made == {"problems.csv"}
    assert json.loads((tmp_path / "runs" / "photos" / "report.json").read_text())["baselines"]
