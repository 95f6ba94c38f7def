"""The server keeps what its description promises: schemathesis asks it what openapi.json allows, and more."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serve.bundles import make
from tests.serve.server import GOLDEN, running


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["colours", "table"])
def test_answers_are_as_described(kind: str, tmp_path: Path) -> None:
    bundle = GOLDEN if kind == "colours" else make(kind, tmp_path)
    command = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert command, "schemathesis is one of the tools for working on Headway"
    # No schema can say that bytes are a picture: what is valid by the schema may be refused. What a row may hold, a
    # schema can say.
    unknowable = [] if kind == "table" else ["--exclude-checks", "positive_data_acceptance"]
    options = [
        "--checks",
        "all",
        *unknowable,
        "--max-examples",
        "50",
        "--seed",
        "0",
        "--no-color",
    ]
    with running("--max-body", "200KB", bundle=bundle) as server:
        address = f"{server.address}/openapi.json"
        done = subprocess.run([command, "run", address, *options], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
        assert server.process.poll() is None
