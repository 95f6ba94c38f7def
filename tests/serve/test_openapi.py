"""The server keeps what its description promises: schemathesis asks it what openapi.json allows, and more."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serve.server import running


@pytest.mark.slow
def test_answers_are_as_described() -> None:
    command = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert command, "schemathesis is one of the tools for working on Headway"
    # No schema can say that bytes are a picture: what is valid by the schema may be refused.
    options = [
        "--checks",
        "all",
        "--exclude-checks",
        "positive_data_acceptance",
        "--max-examples",
        "100",
        "--seed",
        "0",
        "--no-color",
    ]
    with running("--max-body", "200KB") as server:
        address = f"{server.address}/openapi.json"
        done = subprocess.run([command, "run", address, *options], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
        assert server.process.poll() is None
