"""Real voices, from the command to a bundle that answers without torch, and drift."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import soundfile
from fastapi.testclient import TestClient
from typer.testing import CliRunner

import headway as hw
from headway.cli import app
from headway.serve.app import create_app
from headway.serve.settings import Settings
from tests.commands import headway

SharedData = Callable[[str], Path]
DIGITS = (1, 6, 9)

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def clips(shared_data: SharedData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 189 recordings of three digits: every second one of three voices, and for validation a fourth's."""
    folder = shared_data("spoken_digits")
    items = pl.read_csv(folder / "clips.csv").filter(pl.col("digit").is_in(DIGITS))
    items = items.filter((pl.col("speaker") == "speaker_4") | (pl.int_range(pl.len()) % 2 == 0))
    items = items.with_columns(
        file=f"{folder}/" + pl.col("file"),
        part=pl.when(pl.col("speaker") == "speaker_4").then(pl.lit("valid")).otherwise(pl.lit("train")),
    )
    items.write_csv(file := tmp_path_factory.mktemp("digits") / "clips.csv")
    return file


@pytest.fixture(scope="module")
def line(clips: Path) -> dict[str, Any]:
    """What `headway train` says of a run with its defaults."""
    options = ("--input", "file", "--target", "digit", "--split-column", "part", "--json")
    return headway("train", clips, *options, cwd=clips.parent).line


def test_a_new_voice_is_understood(line: dict[str, Any], clips: Path) -> None:
    assert line["metrics"]["accuracy"]["low"] > 0.9
    assert "logistic regression on MFCC" in {each["name"] for each in line["baselines"]}
    run = clips.parent / line["run_dir"]
    assert json.loads((run / "config.json").read_text())["settings"]["arch"] == "whisper-tiny"
    assert (run / "report.html").read_text().count("<audio controls") > 0


def test_the_bundle_answers_and_drift_hears_another_microphone(
    line: dict[str, Any], clips: Path, tmp_path: Path
) -> None:
    bundle = clips.parent / line["bundle"]
    files = pl.read_csv(clips).filter(pl.col("part") == "valid")["file"].to_list()
    predictor = hw.load(bundle)
    with TestClient(create_app(predictor, Settings(log=tmp_path / "log")), base_url="http://127.0.0.1") as client:
        for file in files:
            samples, rate = soundfile.read(file)
            # Softer, with a hum below everything else.
            changed = 0.1 * samples + 0.02 * np.sin(2 * np.pi * 50 * np.arange(len(samples)) / rate)
            soundfile.write(tmp_path / "changed.wav", changed, rate)
            body = (tmp_path / "changed.wav").read_bytes()
            answer = client.post("/predict", content=body, headers={"content-type": "audio/wav"}).json()
            assert answer["label"] == predictor.predict(tmp_path / "changed.wav").label
    done = CliRunner().invoke(app, ["drift", str(bundle), str(tmp_path / "log")])
    assert "loudness" in done.output, done.output


def test_without_weights_a_new_voice_is_understood_better_than_guessing(clips: Path) -> None:
    data = hw.from_csv(clips, input="file", target="digit", split=hw.ColumnSplit("part"))
    learner = hw.Learner(data, pretrained=False, progress=False, device="cpu")
    learner.fine_tune(8)
    assert learner.evaluate()["accuracy"].low > 0.5
