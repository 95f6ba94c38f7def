"""Commands run as the shell would."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headway.cli import main
from tests.commands import Done

__all__ = ["Command", "Done", "headway"]


Command = Callable[..., Done]


@pytest.fixture
def headway(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Runs a command as the shell would, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["headway", *map(str, arguments)])
        capsys.readouterr()
        status: Any = 0
        try:
            main()
        except SystemExit as stop:
            status = stop.code
        finally:
            signal.signal(signal.SIGTERM, before)
        captured = capsys.readouterr()
        return Done(status or 0, captured.out, captured.err)

    return run
