"""A robot takes lesson 1: by the commands, in an empty home, without a network, killed on its way, and updated."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headway.course.exercise import exercises_of
from headway.course.question_file import load
from headway.course.research import assignments_of

LESSON = 1
# Nobody outside answers, whatever a command or what it starts tries.
OFFLINE = (
    "from headway.course.check_process import refuse_network\nrefuse_network('The robot')\n"
    "from headway.cli import main\nmain()\n"
)


class Robot:
    """A learner with a home folder of their own, who types commands."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "headway-course"
        home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEADWAY", "XDG", "COURSE"))}
        dead = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
        self.environment = {**kept, **dead, "HOME": str(home), "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}

    def start(self, *command: str) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        line = [sys.executable, "-c", OFFLINE, "course", *command]
        return subprocess.Popen(line, text=True, env=self.environment, cwd=self.home, start_new_session=True, **pipes)  # pyright: ignore[reportCallIssue, reportArgumentType]

    def types(self, *command: str, answers: str = "", status: int = 0) -> str:
        """What a command prints."""
        with self.start(*command) as process:
            output, errors = process.communicate(answers, timeout=900)
        assert process.returncode == status, f"course {' '.join(command)}: {output[-2000:]}\n{errors[-2000:]}"
        assert "Traceback" not in errors, errors
        return output

    def answers(self, command: Sequence[str], keys: dict[str, Any]) -> list[dict[str, Any]]:
        """Answers every question that a command asks by its key; the marks."""
        marks = []
        with self.start(*command, "--json") as process:
            assert process.stdin
            assert process.stdout
            for text in process.stdout:
                line = json.loads(text)
                if "question" in line:
                    process.stdin.write(json.dumps(keys[line["question"]["id"]]) + "\n")
                    process.stdin.flush()
                else:
                    marks.append(line)
            assert process.wait(60) == 0
        return marks

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / ".headway" / "log.jsonl").read_text().splitlines()]

    def waits(self, days: int) -> None:
        """Sets all that was done back in time."""
        file = self.folder / ".headway" / "log.jsonl"
        events = self.events()
        for event in events:
            event["time"] = (datetime.fromisoformat(event["time"]) - timedelta(days=days)).isoformat()
        file.write_text("".join(json.dumps(event) + "\n" for event in events))


@pytest.fixture
def robot(tmp_path: Path) -> Robot:
    return Robot(tmp_path / "home")


@pytest.mark.long
@pytest.mark.slow
def test_the_whole_of_lesson_1(robot: Robot, tmp_path: Path) -> None:
    assert robot.types().splitlines()[-1].startswith("Start with lesson 1, ")
    assert not robot.folder.exists(), "to look makes nothing"
    robot.types("open", str(LESSON))
    kill_a_run(robot)
    cells = [json.loads(line) for line in robot.types("run", str(LESSON), "--all", "--json").splitlines()]
    assert [cell["error"] for cell in cells if cell["error"]] == []
    assert len(cells[-1]["claims"]) >= 3
    assert robot.types().splitlines()[-1] == "Answer the questions of lesson 1: headway course quiz 1"
    answer_by_the_key(robot)
    solve_everything(robot)
    check_the_reference(robot)
    row = json.loads(robot.types("progress", "--json"))["lessons"][0]
    assert row["cells_run"] == row["cells"]
    assert row["questions_answered"] == row["questions"] >= 20
    assert row["exercises_solved"] == row["exercises"] >= 4
    move_to_another_home(robot, tmp_path)
    update_from_an_earlier_version(robot)


def kill_a_run(robot: Robot) -> None:
    """Killed in the middle: what was written stands, and nothing is broken."""
    with robot.start("run", str(LESSON), "--all", "--json") as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGKILL)
    events = robot.events()
    assert [event["kind"] for event in events[:2]] == ["opened", "read"]
    assert robot.types().splitlines()[-1].startswith("Go on with lesson 1, ")


def answer_by_the_key(robot: Robot) -> None:
    keys = {question.id: question.right_answer() for question in load(LESSON)}
    marks = robot.answers(["quiz", str(LESSON)], keys)
    assert [mark["id"] for mark in marks if not mark["right"]] == []
    assert len(marks) == len(keys)
    assert robot.answers(["quiz", str(LESSON)], keys) == [], "all are answered"
    assert "Nothing is due today." in robot.types("review", "--plain")
    robot.waits(days=30)
    reviewed = robot.answers(["review"], keys)
    assert 1 <= len(reviewed) <= 20
    assert all(mark["right"] for mark in reviewed)


def solve_everything(robot: Robot) -> None:
    exercises = exercises_of(LESSON)
    # That no other is solved as it comes, `headway course dev check` sees to.
    untouched = json.loads(robot.types("check", exercises[0].id, "--json", status=1))
    assert untouched["state"] == "not yet", untouched
    for exercise in exercises:
        assert robot.types("hint", exercise.id).startswith("Hint 1 of ")
        file = robot.folder / "01_exercises" / f"{exercise.name}.py"
        file.write_text(exercise.solution, encoding="utf-8")
    solved = robot.types("check", "--all")
    for exercise in exercises:
        assert f"{exercise.id} {exercise.title}: solved" in solved
        assert robot.types("solution", exercise.id).strip() == exercise.solution.strip()


def check_the_reference(robot: Robot) -> None:
    assignment = next(one for one in assignments_of(LESSON) if one.id == "1.F3")
    assert assignment.title in robot.types("research", assignment.id)
    file = robot.folder / "research" / assignment.file_name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text((assignment.files / "reference.py").read_text(encoding="utf-8"), encoding="utf-8")
    assert "The check passes." in robot.types("research", assignment.id, "--check")


def move_to_another_home(robot: Robot, tmp_path: Path) -> None:
    exported = tmp_path / "ada.json"
    robot.types("progress", "--export", str(exported), "--with-answers")
    other = Robot(tmp_path / "other")
    assert other.types("progress", "--import", str(exported)) == f"Added {len(robot.events())} answers.\n"
    assert other.types("progress") == robot.types("progress")
    assert other.types("progress", "--import", str(exported)) == "Added 0 answers.\n"


def update_from_an_earlier_version(robot: Robot) -> None:
    """An exercise whose first lines were others, with a solution of the learner's: both changes are in the file."""
    exercise = exercises_of(LESSON)[0]
    file = robot.folder / "01_exercises" / f"{exercise.name}.py"
    base = robot.folder / ".headway" / "base" / "01_exercises" / file.name
    base.write_text(earlier(exercise.start), encoding="utf-8")
    file.write_text(earlier(exercise.start) + "\n\nown = 1\n", encoding="utf-8")
    assert robot.types("update") == f"{file}: merged\n"
    assert file.read_text(encoding="utf-8") == exercise.start + "\n\nown = 1\n"
    assert base.read_text(encoding="utf-8") == exercise.start
    assert robot.types("update") == "All files are up to date.\n"


def earlier(text: str) -> str:
    first, _, after = text.partition("\n")
    return f"{first} Earlier.\n{after}"
