"""Every entry's reproduction fails as the entry says, and is matched by its own entry first."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from headway.why.catalogue import Entry, entries
from headway.why.failure import load
from headway.why.match import explain, explain_run
from headway.why.show import show, show_run
from tests.meta.modules import ROOT

# One process imports torch, and forks for each entry: all of them take less than half a minute.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="forks"),
]


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("why")
    command = [sys.executable, "-m", "tests.why.reproduce", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    return folder


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.id)
def test_it_fails_as_the_entry_says_and_is_matched_first(entry: Entry, reproduced: Path) -> None:
    folder = reproduced / entry.id
    failure = load(folder / "failure.json")
    assert failure is not None
    printed = (folder / "stdout.txt").read_text() + (folder / "stderr.txt").read_text()
    text = "\n".join([f"{failure.type}: {failure.message}", *failure.warnings, printed])
    assert re.search(entry.expects, text, flags=re.DOTALL), text
    assert bool(failure.type) == bool(entry.when.type) or failure.warnings, text

    of_run = (folder / "report.json").exists()
    explanations = explain_run(folder) if of_run else explain(failure)
    assert [one.entry.id for one in explanations][:1] == [entry.id]
    assert explanations[0].exact
    assert len(explanations) <= 3
    shown = show_run(folder, explanations) if of_run else show(failure, explanations)
    # Code, the report's own sentences, and paths are as wide as they are.
    wrapped = [line for line in shown.splitlines() if not line.startswith("    ") and "/" not in line]
    assert max(map(len, wrapped)) <= 80


def test_causes_are_seen_in_the_variables(reproduced: Path) -> None:
    """Most reproductions show their cause, in the reader's names."""
    seen = 0
    for entry in entries():
        failure = load(reproduced / entry.id / "failure.json")
        assert failure is not None
        explanations = explain(failure)
        seen += bool(explanations and (entry.is_silent or explanations[0].because[0].seen))
    assert seen >= 90
