from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

import headway as hw
from headway.cli import app
from headway.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def finished(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has ended, its report made once. Not to be changed."""
    data = hw.from_folder(digits, input=hw.Image("file", size=28, channels=1))
    run = tmp_path_factory.mktemp("runs") / "digits"
    options: dict[str, Any] = {"progress": False, "device": "cpu", "precision": "float32"}
    learner = hw.Learner(data, "small_resnet", run=run, **options)
    learner.fit(1)
    learner.report()
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of it to work on."""
    return Path(shutil.copytree(finished, tmp_path / "digits"))


def call(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["report", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.slow
def test_report_is_made_anew(run: Path) -> None:
    before = json.loads((run / "report.json").read_text())
    (run / "report.html").unlink()
    (run / "report.json").write_text("{}")
    # What has a bundle has ended: its epochs are not shown as if it was trained again.
    (run / "model.headway").touch()
    shown = call(run)
    assert "train loss" not in shown
    after = json.loads((run / "report.json").read_text())
    assert after == before
    assert after["verdict"]["sentence"] in shown
    assert shown.rstrip().endswith(f"report: {run / 'report.html'}")
    assert (run / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.slow
def test_data_that_have_moved(run: Path, digits: Path, tmp_path: Path) -> None:
    items, new = pl.read_parquet(run / "items.parquet"), Path(shutil.copytree(digits, tmp_path / "new"))
    moved = items.with_columns(pl.col("file").str.replace(str(digits), "/gone", literal=True))
    moved.write_parquet(run / "items.parquet")
    with pytest.raises(DataError, match="--data FOLDER"):
        call(run)
    first = json.loads((run / "report.json").read_text())
    call(run, "--data", new)
    assert json.loads((run / "report.json").read_text())["parts"] == first["parts"]
    # From then on the run knows where they are.
    call(run)
    assert pl.read_parquet(run / "items.parquet")["file"].str.starts_with(str(new)).all()


@pytest.mark.slow
def test_options_are_those_of_the_method(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    line = json.loads(call(run, "--slices", "label, split", "--tta", 2, "--open", "--json").splitlines()[-1])
    assert {key for each in line["slices"]["slices"] for key in each["where"]} == {"label", "split"}
    assert line["views_gain"]["views"] == 2
    assert line == json.loads((run / "report.json").read_text())
    assert opened == [(run / "report.html").resolve().as_uri()]


@pytest.mark.slow
def test_what_is_no_run_is_an_error(tmp_path: Path, run: Path) -> None:
    with pytest.raises(ConfigError):
        call(tmp_path / "nothing")
    with pytest.raises(ConfigError, match=r"^The items have no such column"):
        call(run, "--slices", "lable")
