from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headway.cli import app
from headway.course.question_file import load
from headway.course.state import Event, Log
from tests.course.test_quiz import typed_right

pytestmark = pytest.mark.usefixtures("small_course")


def run(*arguments: str, answers: str = "") -> str:
    result = CliRunner().invoke(app, ["course", *arguments], input=answers)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.slow
def test_where_a_learner_is(small_course: Path) -> None:
    assert run().splitlines() == [
        f"Your course will be in {small_course}.",
        "New to Python? Twelve short exercises first: headway course open primer",
        "Start with lesson 7, A small lesson: headway course run 7",
    ]
    run("quiz", "7", "--json", answers=json.dumps(1))
    event = Log(small_course).read()[0]
    Log(small_course).append(replace(event, time="2026-03-02T09:00:00.000+00:00"))
    assert run().splitlines() == [
        f"Your course is in {small_course}.",
        "  Lesson 7: 0 of 2 cells run, 1 of 8 questions answered, 0 of 0 exercises solved",
        "Questions to review today: 1, with headway course review",
        "Start with lesson 7, A small lesson: headway course run 7",
    ]
    assert json.loads(run("--json"))["next"] == "headway course run 7"


@pytest.mark.slow
def test_where_a_learner_is_shows_at_once() -> None:
    """No library is loaded but those of the command line and of the log."""
    start = "import sys, headway.cli; sys.argv = ['headway', 'course']"
    code = f"{start}\ntry: headway.cli.main()\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert not loaded & {"numpy", "polars", "torch", "matplotlib", "PIL", "rich", "pydantic", "multiprocessing"}


@pytest.mark.slow
def test_a_quiz_stops_and_goes_on(small_course: Path) -> None:
    shown = run("quiz", "7", "--plain", answers="\n1\n\n2\nq\n")
    assert "Question 1 of 8" in shown
    assert "Answered now: 2." in shown
    assert shown.splitlines()[-1] == "Go on with: headway course quiz 7"
    shown = run("quiz", "7", "--plain", answers="q\n")
    assert "Question 3 of 8" in shown
    assert "Question 1 of 8" in run("quiz", "7", "--plain", "--again", answers="q\n")
    assert "Question 1 of 1" in run("quiz", "7", "--plain", "--key", answers="q\n")


@pytest.mark.slow
def test_a_quiz_that_is_finished() -> None:
    lines = [json.dumps(question.right_answer()) for question in load(7)]
    run("quiz", "7", "--json", answers="\n".join(lines))
    assert run("quiz", "7", "--plain").splitlines() == [
        "All 8 questions of lesson 7 are answered.",
        "They come back in: headway course review",
        "All of them now: headway course quiz 7 --again",
    ]
    assert json.loads(run("progress", "--json"))["lessons"][0]["marked"] == 1
    assert "Nothing is due today. The next question comes on " in run("review", "--plain")


@pytest.mark.slow
def test_review_asks_what_is_new(small_course: Path) -> None:
    assert run("review", "--plain").splitlines() == [
        "Nothing is due. Questions come here once you have read their sections.",
        "Start with: headway course run 1",
    ]
    Log(small_course).append(*(Event(kind="read", id=f"7.cell.{number}") for number in (2, 3)))
    run("quiz", "7", "--json", answers=json.dumps("0"))
    shown = run("review", "--plain", "--plan", "fixed", answers="q\n")
    assert "Review 1 of 7" in shown
    assert shown.splitlines()[-1] == "There is more for today, whenever you like: headway course review"
    out = run("review", "--json").splitlines()
    assert json.loads(out[0])["of"] == 7


@pytest.mark.slow
def test_progress_goes_out_and_in(small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("quiz", "7", "--json", answers=json.dumps(0))
    file = str(tmp_path / "ada.json")
    assert run("progress", "--export", file) == f"Wrote {file}.\n"
    monkeypatch.setenv("HEADWAY_COURSE", str(tmp_path / "new"))
    assert run("progress", "--import", file) == "Added 1 answers.\n"
    assert Log(tmp_path / "new").read()[0].id == "7.01"
    assert "7 A small lesson" in run("progress")


def test_typed_answers_are_those_of_the_quiz() -> None:
    assert typed_right(load(7)[2]) == ["0.75"]
