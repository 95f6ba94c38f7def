"""A new kind of input is one folder and one line in the registry: dice, from a CSV to a served answer and drift.

What dice have in common with every other kind is asked in `tests/contract/test_kinds.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

import headway as hw
from headway.bundle.format import read_bundle
from headway.cli import app
from headway.serve.app import create_app
from headway.serve.settings import Settings
from tests import kinds
from tests.meta.dice.field import Dice
from tests.meta.modules import PACKAGE

NUM_GAMES = 240


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    with kinds.registered():
        yield


def write_games(path: Path, *, seed: int = 0, loaded: float = 0.5) -> Path:
    """Games of fair dice and of dice that show a six more often, of 3 to 12 throws."""
    draw = np.random.default_rng(seed)
    lines = ["throws,dice"]
    for _ in range(NUM_GAMES):
        is_loaded = draw.random() < loaded
        chances = [0.06] * 5 + [0.7] if is_loaded else [1 / 6] * 6
        throws = draw.choice(6, size=(draw.integers(3, 13), 2), p=chances) + 1
        lines.append(" ".join(f"{a}-{b}" for a, b in throws) + (",loaded" if is_loaded else ",fair"))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[hw.Learner, Path]:
    """A learner that read, split, trained, was judged and exported."""
    folder = tmp_path_factory.mktemp("dice")
    data = hw.from_csv(write_games(folder / "games.csv"), input=Dice("throws"), target="dice")
    learner = hw.Learner(data, run=folder / "runs" / "dice", progress=False)
    learner.fine_tune()
    learner.export(folder / "dice.headway")
    return learner, folder


def test_it_learns_more_than_guessing(trained: tuple[hw.Learner, Path]) -> None:
    learner, _ = trained
    assert learner.arch == "deep_set"
    assert learner.evaluate()["accuracy"].value > 0.85


def test_the_report_has_its_baseline_and_its_section(trained: tuple[hw.Learner, Path]) -> None:
    learner, folder = trained
    report = learner.report()
    assert "logistic regression on faces" in [each.name for each in report.baselines]
    facts = report.to_json()
    longest = max(learner.data.valid.items["throws"], key=len)
    assert facts["longest_game"] == longest
    report.save(folder / "report.html")
    assert f"<p>{longest}</p>" in (folder / "report.html").read_text()
    assert f"Longest game: {longest}." in read_bundle(folder / "dice.headway").files["card.md"].decode()


def test_it_is_served(trained: tuple[hw.Learner, Path], tmp_path: Path) -> None:
    _, folder = trained
    served = create_app(hw.load(folder / "dice.headway"), Settings(log=tmp_path / "log"))
    with TestClient(served, base_url="http://127.0.0.1") as client:
        answer = client.post("/predict", json={"throws": "6-6 6-6 6-6 6-1 6-6"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["label"] == "loaded"
        assert client.post("/predict", json={"throws": "nine"}).status_code == 422
        assert client.get("/").status_code == 200
        for line in write_games(tmp_path / "new.csv", seed=1, loaded=1.0).read_text().splitlines()[1:]:
            client.post("/predict", json={"throws": line.split(",")[0]})
    done = CliRunner().invoke(app, ["drift", str(folder / "dice.headway"), str(tmp_path / "log")])
    assert "mean" in done.output, done.output


def test_the_command_line_answers_for_a_table(trained: tuple[hw.Learner, Path], tmp_path: Path) -> None:
    _, folder = trained
    games = write_games(tmp_path / "new.csv", seed=2)
    done = CliRunner().invoke(app, ["predict", str(folder / "dice.headway"), str(games), "--json"])
    assert done.exit_code == 0, done.output
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == NUM_GAMES
    assert {answer["label"] for answer in answers} == {"fair", "loaded"}


def test_nothing_else_knows_of_dice() -> None:
    texts = {file: file.read_text() for file in PACKAGE.rglob("*.py")}
    assert not [file.name for file, text in texts.items() if "Dice(" in text or "deep_set" in text]
