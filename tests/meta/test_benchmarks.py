"""What benchmarks are shown with, and what they have in common."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fine_tuning, peers, results, time_to_accuracy
from benchmarks.__main__ import benchmark_names


def test_table_has_every_column_and_whole_large_numbers() -> None:
    rows = [{"what": "a", "ratio": 1.2345, "requests": 1030.4}, {"what": "b", "items": 100_000, "share": None}]
    assert results.table(rows) == [
        "| what | ratio | requests | items | share |",
        "|---|---|---|---|---|",
        "| a | 1.23 | 1,030 |  |  |",
        "| b |  |  | 100,000 |  |",
    ]


def test_page_names_the_peers_that_took_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    (tmp_path / "docs").mkdir()
    results.write_result("steps", [{"ratio": 2.0}], peers={"fastai": "2.8.12"})
    results.write_page({"steps": "How fast?\n\nVery.\n", "other": "What else?\n"})
    page = (tmp_path / "docs" / "benchmarks.md").read_text()
    assert "## How fast?\n\nVery.\n\n`make bench NAME=steps`\n\n| ratio |\n|---|\n| 2 |\n" in page
    assert ", fastai 2.8.12, commit" in page
    assert "What else?" not in page


def test_peers_are_those_that_a_benchmark_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: name != "keras")
    monkeypatch.setattr(peers.importlib.metadata, "version", lambda name: f"{name}'s")
    question = "Is it quicker than fastai's, Lightning and Keras?"
    assert peers.peer_versions(question) == {"fastai": "fastai's", "lightning": "lightning's"}


@pytest.mark.parametrize(("wanted", "reached"), [(0.8, 3.0), (0.9, 5.0), (0.95, None)])
def test_an_accuracy_is_reached_when_it_is_first_as_high(wanted: float, reached: float | None) -> None:
    found = {"elapsed": [3.0, 4.0, 5.0], "accuracies": [0.8, 0.7, 0.9]}
    assert time_to_accuracy._reached(found, wanted) == reached


def test_plans_of_fine_tuning_are_judged_and_drawn_over_time(tmp_path: Path) -> None:
    answers = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    head = fine_tuning.Judged.of(answers, np.array([0, 1, 1]), [(1.0, 0.5), (4.0, 2 / 3)])
    longer = fine_tuning.Judged.of(answers, np.array([0, 1, 0]), [(2.0, 2 / 3), (8.0, 1.0), (9.0, 1.0)])
    row = fine_tuning._row("cats", "longer", [longer, head], [head, head])
    assert (row["photos"], row["accuracy"], row["times the head"]) == ("cats, 6", "0.8333", 13 / 8)
    assert row["points more than the head"].startswith("+16.7, ")
    fine_tuning.draw({"cats": {"head": [head], "longer": [longer, head]}}, tmp_path / "curve.svg")
    text = (tmp_path / "curve.svg").read_text()
    assert all(f">{words}<" in text for words in ("cats", "head", "longer", "held-out accuracy"))


@pytest.mark.parametrize("name", benchmark_names())
def test_a_benchmark_asks_a_question_and_starts_without_its_peers(name: str) -> None:
    module = import_module(f"benchmarks.{name}")
    assert "?" in module.__doc__.splitlines()[0]
    assert callable(module.run)
