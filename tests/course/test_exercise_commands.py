"""The commands of exercises, as a learner types them."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headway.cli import app
from headway.course.exercise import find_exercise
from headway.course.practice import explain, measure_speed, speed_factor, states
from headway.course.run import CaseResult, CheckResult, Failure
from headway.course.state import Log
from headway.course.workspace import Workspace
from headway.errors import ConfigError

RIGHT = "def double(number):\n    return 2 * number\n"


def typed(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["course", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.output


@pytest.fixture
def workspace(course: Path) -> Workspace:
    workspace = Workspace()
    workspace.open_lesson(7)
    return workspace


def save(workspace: Workspace, text: str, id: str = "7.1") -> None:
    workspace.exercise_file(find_exercise(id)).write_text(text)


@pytest.mark.slow
def test_from_untouched_to_solved(workspace: Workspace) -> None:
    assert typed("check", status=1) == (
        "7.1 Twice as much: not yet, 0 of 2 cases pass\n"
        "  not yet  doubles two\n"
        "    Wanted:  Your code, in place of `raise NotImplementedError`.\n"
        "    Called:  double(2)\n"
        "    Came:    NotImplementedError\n"
        '    Read:    the section "Numbers" of lesson 7\n'
        "  not yet  doubles nothing\n"
        "Next hint: headway course hint 7.1\n"
    )
    # To look is no try.
    assert workspace.log.read() == []
    save(workspace, "def double(number):\n    print('seen')\n    return number + 2\n")
    assert typed("check", "7.1", status=1) == (
        "7.1 Twice as much: not yet, 1 of 2 cases pass\n"
        "  passes   doubles two\n"
        "  not yet  doubles nothing\n"
        "    Wanted:  0\n"
        "    Called:  double(0)\n"
        "    Came:    2\n"
        '    Read:    the section "Numbers" of lesson 7\n'
        "  Your code printed:\n"
        "    seen\n"
        "    seen\n"
        "Next hint: headway course hint 7.1\n"
    )
    save(workspace, RIGHT)
    assert typed("check", "7.1") == (
        "7.1 Twice as much: solved, 2 of 2 cases pass\n"
        "  passes   doubles two\n"
        "  passes   doubles nothing\n"
        "You multiplied.\n"
        "Solved. The authors' solution: headway course solution 7.1\n"
    )
    assert [(event.outcome, event.answer) for event in workspace.log.read()] == [
        ("not yet", {"case": "doubles nothing"}),
        ("solved", None),
    ]
    # The next one.
    assert typed("check", status=1).startswith("7.2 ")
    save(workspace, RIGHT + "x = 1\n")
    both = (find_exercise("7.1"), find_exercise("7.2"))
    assert states(workspace, both) == {"7.1": "changed since solved", "7.2": "untouched"}
    (row,) = map(json.loads, typed("check", "--all", "--json").splitlines())
    assert (row["id"], row["state"]) == ("7.1", "solved")


@pytest.mark.slow
def test_a_crash_is_shown_with_its_frames(workspace: Workspace) -> None:
    save(workspace, "def half(number):\n    return number / 0\n\ndef double(number):\n    return half(number)\n")
    file = workspace.exercise_file(find_exercise("7.1"))
    lines = typed("check", "7.1", status=1).splitlines()
    assert lines[:4] == [
        "7.1 Twice as much: crashed, 0 of 2 cases pass",
        "  not yet  doubles two",
        "    Called:  double(2)",
        "    Error:   ZeroDivisionError: division by zero (line 2 of 1_double.py)",
    ]
    assert lines[4] == f'        File "{file}", line 5, in double'


@pytest.mark.slow
def test_why_explains_what_a_check_met(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    save(workspace, "def double(number):\n    numbers = [number, number]\n    return numbers[2]\n")
    assert "Explained: headway why\n" in typed("check", "7.1", status=1)
    result = CliRunner().invoke(app, ["why", "--json"])
    failure = json.loads(result.output)["failure"]
    assert (failure["type"], failure["message"]) == ("IndexError", "list index out of range")
    assert failure["frames"][-1]["code"] == "return numbers[2]"
    # The variables are those of the process that the check ran in.
    assert failure["variables"]["numbers"]["facts"]["length"] == 2
    assert json.loads(result.output)["explanations"]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["return [number][1]", "return 3 * number"])
def test_why_knows_that_a_file_has_changed_and_forgets_what_is_solved(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    changed = "You have changed this code since then. Run it again to see whether that helped.\n"
    save(workspace, f"def double(number):\n    {fault}\n")
    typed("check", "7.1", status=1)
    assert changed not in CliRunner().invoke(app, ["why"]).output
    save(workspace, "def double(number):\n    return 2 * number\n")
    assert changed in CliRunner().invoke(app, ["why"]).output
    # Another exercise is solved; this one is not checked yet.
    other = workspace.exercise_file(find_exercise("7.2"))
    other.write_text(workspace.text(find_exercise("7.1")))
    typed("check", "7.2", status=0)
    assert changed in CliRunner().invoke(app, ["why"]).output
    typed("check", "7.1", status=0)
    assert CliRunner().invoke(app, ["why"]).output == "No failure is saved. Run: headway why script.py\n"


@pytest.mark.slow
def test_a_file_that_cannot_be_read_is_explained_too(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    save(workspace, "def double(number)\n    return 2\n")
    assert "Explained: headway why\n" in typed("check", "7.1", status=1)
    failure = json.loads(CliRunner().invoke(app, ["why", "--json"]).output)["failure"]
    assert (failure["type"], failure["frames"][-1]["line"]) == ("SyntaxError", 1)


@pytest.mark.slow
def test_a_function_that_is_not_written_is_no_failure(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    typed("check", "7.1", status=1)
    assert CliRunner().invoke(app, ["why"]).output == "No failure is saved. Run: headway why script.py\n"


def test_what_code_prints_cannot_steer_the_terminal(workspace: Workspace) -> None:
    save(workspace, "def double(number):\n    print('\\x1b[2J')\n    return '\\x1b[2J'\n")
    shown = typed("check", "7.1", status=1)
    assert "\x1b" not in shown
    assert "    \\u001b[2J\n" in shown


def test_hints_come_one_by_one(workspace: Workspace) -> None:
    assert typed("hint", "7.1") == "Hint 1 of 2: What is twice two?\n"
    assert json.loads(typed("hint", "1_double", "--json")) == {"id": "7.1", "hint": 2, "of": 2, "text": "Multiply."}
    assert typed("hint", "7.1") == "Hint 2 of 2: Multiply.\n"
    assert len(workspace.log.read()) == 2


@pytest.mark.slow
def test_the_solution_comes_after_two_tries_or_the_own_one(workspace: Workspace) -> None:
    with pytest.raises(ConfigError) as caught:
        typed("solution", "7.1", "--give-up")
    assert str(caught.value) == (
        "The solution is shown once you have solved the exercise, or after two tries if you give up.\n"
        "  Given: 7.1 after 0 tries\n"
        "  Fix:   Change 1_double.py, then try it: headway course check 7.1"
    )
    save(workspace, RIGHT.replace("2", "3"))
    for _ in range(2):
        typed("check", "7.1", status=1)
    with pytest.raises(ConfigError) as caught:
        typed("solution", "7.1")
    assert str(caught.value).endswith("  Given: 7.1 after 2 tries\n  Fix:   Run: headway course solution 7.1 --give-up")
    assert typed("solution", "7.1", "--give-up") == RIGHT
    assert states(workspace, (find_exercise("7.1"),)) == {"7.1": "seen"}
    save(workspace, RIGHT, "7.2")
    typed("check", "7.2")
    assert json.loads(typed("solution", "7.2", "--json")) == {"id": "7.2", "solution": RIGHT}
    assert states(workspace, (find_exercise("7.2"),)) == {"7.2": "solved"}


def test_a_reset_says_where_the_file_is_kept(workspace: Workspace) -> None:
    save(workspace, RIGHT)
    before = Path(json.loads(typed("reset", "7.1", "--json"))["before"])
    assert before.read_text() == RIGHT
    assert "is as it came. Yours is kept: " in typed("reset", "7.1")


def test_an_update_says_what_it_did(workspace: Workspace, course: Path) -> None:
    from headway.course import exercise

    assert typed("update") == "All files are up to date.\n"
    first, second = (workspace.exercise_file(find_exercise(id)) for id in ("7.1", "7.2"))
    first.write_text(RIGHT)
    for file in course.rglob("exercise.py"):
        file.write_text(file.read_text().replace("# Write it here.\n    raise", "# Write it below.\n    raise"))
    exercise.exercises_of.cache_clear()
    assert typed("update").splitlines() == [
        f"{first}: you and the new version changed the same lines. The new one is in 1_double.new.py",
        f"{second}: replaced",
    ]


def test_nothing_to_check_is_said(course: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        typed("check")
    assert str(caught.value) == (
        f"There is no exercise left to check.\n  Given: {tmp_path / 'learner'}\n"
        "  Fix:   Open a lesson: headway course open 1"
    )
    with pytest.raises(ConfigError) as caught:
        typed("watch")
    assert str(caught.value) == (
        f"There is no course folder yet.\n  Given: {tmp_path / 'learner'}\n"
        "  Fix:   Open a lesson: headway course open 1"
    )
    assert typed("check", "--all") == "No exercise has been changed yet.\n"


def test_watching_needs_its_library(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(ConfigError) as caught:
        typed("watch")
    assert str(caught.value) == (
        "Watching needs the library watchfiles.\n  Given: it is not installed\n"
        '  Fix:   Run: pip install "headway[course]". Or check by hand: headway course check'
    )


@pytest.mark.slow
def test_a_saved_exercise_is_checked(workspace: Workspace) -> None:
    stop = threading.Event()

    def keep_saving() -> None:
        # Whenever the watch has begun, there is a save after it.
        for number in range(200):
            save(workspace, RIGHT + f"x = {number}\n")
            if stop.wait(0.5):
                return

    saver = threading.Thread(target=keep_saving)
    saver.start()
    try:
        output = typed("watch", "--count", "1")
    finally:
        stop.set()
        saver.join()
    assert output.startswith("Save an exercise to have it checked. Ctrl-C stops.\n7.1 Twice as much: solved")


def test_what_a_long_output_and_a_limit_look_like(course: Path) -> None:
    result = CheckResult(
        state="timed out",
        cases=(CaseResult(name="doubles two", seconds=0.1),),
        waiting=("trains",),
        failure=Failure(asked="The check ends within 3 seconds.", came="it was still running", meaning="A loop?"),
        output="x\n" * 14,
    )
    lines = list(explain(result, find_exercise("7.1")))
    assert lines[:6] == [
        "7.1 Twice as much: timed out",
        "  passes   doubles two",
        "  waits    trains",
        "    Wanted:  The check ends within 3 seconds.",
        "    Came:    it was still running",
        "    Meaning: A loop?",
    ]
    assert lines[-1] == "    and 4 more lines"


def test_the_speed_is_measured_once(tmp_path: Path) -> None:
    assert speed_factor(tmp_path) == 2.0
    factor = measure_speed(tmp_path)
    assert 1 <= factor <= 6
    assert speed_factor(tmp_path) == factor
    (tmp_path / ".headway" / "machine.json").write_text('{"speed_factor": 99}')
    assert speed_factor(tmp_path) == 6


@pytest.mark.slow
def test_the_doctor_looks_at_everything(workspace: Workspace) -> None:
    with workspace.log.path.open("w") as file:
        file.write("broken\n")
    findings = {row["name"]: row for row in map(json.loads, typed("doctor", "--json").splitlines())}
    names = ["Python", "headway", "torch", "timm", "polars", "fsrs", "watchfiles", "your folder", "your log", "disk"]
    assert list(findings) == [*names, "cores", "editor", "speed"]
    assert findings["your log"]["text"] == "0 events, 1 broken lines"
    assert findings["your log"]["remedy"] == f"They are passed over. Look at {Log(workspace.folder).path}"
    shown = typed("doctor")
    assert "your folder: " in shown
    assert shown.splitlines()[-1].startswith("Lines with a remedy: ")


@pytest.mark.slow
def test_a_make_exercise_sees_the_folder(workspace: Workspace, tmp_path: Path) -> None:
    from headway.course.run import run_check

    one = find_exercise("7.1")
    text = (
        "from pathlib import Path\nprint(sorted(p.name for p in (Path.home() / 'headway-course').iterdir()))\n" + RIGHT
    )
    result = run_check(
        text, file=tmp_path / "a.py", check_file=one.check_file, folder=workspace.folder, sees_folder=True
    )
    assert "07_twice.py" in result.output
    gone = "import shutil, pathlib\nshutil.rmtree(pathlib.Path.home(), ignore_errors=True)\n" + RIGHT
    run_check(gone, file=tmp_path / "a.py", check_file=one.check_file, folder=workspace.folder, sees_folder=True)
    assert (workspace.folder / "07_twice.py").exists()
