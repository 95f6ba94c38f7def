from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headway.cli import app
from headway.datasets.catalogue import CATALOGUE, NamedData
from headway.datasets.layouts import LAYOUTS, Files, Items
from headway.errors import ConfigError

run = CliRunner()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "datasets"


def test_the_list_names_all_of_them(cache: Path) -> None:
    done = run.invoke(app, ["datasets"])
    assert done.exit_code == 0
    for data in CATALOGUE.values():
        (line,) = [line for line in done.output.splitlines() if line.startswith(f"│ {data.name} ")]
        assert data.licence in line
        assert f"{data.items:,}" in line
    assert not cache.exists()


@pytest.mark.slow
def test_json_says_what_is_here(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one(files: Files, data: NamedData) -> Items:
        yield "0.png", b"x"

    monkeypatch.setitem(CATALOGUE, "digits", replace(CATALOGUE["digits"], items=1, layout="one"))
    monkeypatch.setitem(LAYOUTS, "one", one)
    before = [json.loads(line) for line in run.invoke(app, ["datasets", "--json"]).output.splitlines()]
    assert [row["name"] for row in before] == list(CATALOGUE)
    assert {row["folder"] for row in before} == {None}
    assert before[1]["files"][0]["sha256"] == CATALOGUE["mnist"].files[0].sha256
    done = run.invoke(app, ["datasets", "fetch", "digits", "--json"])
    assert json.loads(done.output)["folder"] == str(cache / "digits")
    after = [json.loads(line) for line in run.invoke(app, ["datasets", "--json"]).output.splitlines()]
    assert [row["name"] for row in after if row["folder"]] == ["digits"]


@pytest.mark.slow
def test_fetch_prints_the_folder_and_nothing_else(cache: Path) -> None:
    code = "from headway.cli import main; main()"
    command = [sys.executable, "-c", code, "datasets", "fetch", "digits"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{cache / 'digits'}\n"
    assert done.stderr == ""


def test_a_name_that_is_none() -> None:
    with pytest.raises(ConfigError, match='Did you mean "cifar-10"'):
        run.invoke(app, ["datasets", "fetch", "cifar-11"], catch_exceptions=False)
