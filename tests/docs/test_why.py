"""The answer that docs/why.md shows is the one that the script above it gets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headway.why.match import explain
from headway.why.script import run_script
from headway.why.show import show
from tests.meta.modules import ROOT


@pytest.mark.slow
def test_the_answer_is_as_shown(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "why.md").read_text()
    script = re.findall(r'script = """\n(.*?)"""', page, flags=re.DOTALL)[0]
    (shown,) = re.findall(r"```text\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "fit.py").write_text(script)
    failure = run_script(tmp_path / "fit.py")
    assert show(failure, explain(failure)) + "\n" == shown
