from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest
from typer.testing import CliRunner, Result

from headway.cli import app
from headway.cli.course.lessons import open_lesson
from headway.course.exercise import exercises_of
from headway.course.state import Log
from headway.errors import ConfigError


def invoke(*arguments: str, answers: str = "") -> Result:
    return CliRunner().invoke(app, ["course", *arguments], input=answers)


@pytest.mark.slow
def test_a_lesson_is_copied_once(small_course: Path) -> None:
    file = small_course / "07_small.py"
    assert invoke("open", "7").stdout.splitlines() == [
        f"Copied: {file}",
        f"Lesson 7: {file}",
        "Read and run it here: headway course run 7",
    ]
    file.write_text("# mine\n")
    assert json.loads(invoke("open", "7", "--json").stdout) == {"lesson": str(file), "new": []}
    assert file.read_text() == "# mine\n"
    assert [event.kind for event in Log(small_course).read()] == ["opened"]


@pytest.mark.parametrize("program", ["vscode", "jupyter"])
def test_an_editor_that_is_not_installed(
    program: Literal["vscode", "jupyter"], small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A part of Jupyter brings this command, and it opens nothing.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "jupyter").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(ConfigError) as caught:
        open_lesson("7", with_=program)
    assert str(caught.value) == (
        f"The program `{program}` is not installed.\n"
        f"  Given: --with {program}\n"
        f"  Fix:   Install it, or open the file in any editor: {small_course / '07_small.py'}"
    )


@pytest.mark.slow
def test_what_is_no_lesson_is_named(small_course: Path) -> None:
    shown = [
        " ".join(invoke(*command).output.replace("│", "").split())
        for command in (("run", "primer"), ("collect", "mine"), ("quiz", "x"))
    ]
    assert (
        "'primer' is no lesson's number. Choose one of: 7. The primer has exercises alone: headway course" in shown[0]
    )
    assert "'mine' is no lesson's number. Choose one of: 7." in shown[1]
    assert "'x' is no lesson's number." in shown[2]
    # A number may mean a lesson alone, and the primer is none.
    assert str(invoke("run", "5").exception).endswith("Fix:   Choose one of: 1, 2, 3, 4, 6, 7.")


@pytest.mark.slow
def test_a_lesson_is_run_as_a_whole(small_course: Path) -> None:
    result = invoke("run", "7", "--all", "--json")
    assert result.exit_code == 0
    cells = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(cell["cell"], cell["error"]) for cell in cells] == [(2, ""), (3, "")]
    assert cells[1]["claims"][0]["fine"]
    assert "share: 0.75" in invoke("run", "7", "--all").stdout


@pytest.mark.slow
@pytest.mark.parametrize("change", ["4 / 0", "1 / 4"])
def test_an_error_or_a_claim_that_is_not_fine_is_status_1(change: str, small_course: Path) -> None:
    invoke("open", "7")
    file = small_course / "07_small.py"
    file.write_text(file.read_text().replace("3 / 4", change))
    assert invoke("run", "7", "--all").exit_code == 1


@pytest.mark.slow
def test_why_explains_what_a_lesson_met(small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    invoke("open", "7")
    file = small_course / "07_small.py"
    file.write_text(file.read_text().replace("3 / 4", "[3][4]"))
    assert "Explained: headway why\n" in invoke("run", "7", "--all").stdout
    failure = json.loads(CliRunner().invoke(app, ["why", "--json"]).output)["failure"]
    assert (failure["type"], failure["frames"][-1]["code"]) == ("IndexError", "share = [3][4]")


@pytest.mark.slow
def test_the_tour_in_the_terminal(small_course: Path) -> None:
    result = invoke("run", "7", "--plain", answers="1\n0.8\n\nq\n")
    assert result.exit_code == 0
    assert result.stdout.endswith("Go on with: headway course run 7\n")
    assert "Predict first" in invoke("run", "7", "--plain", "--again", answers="q\n").stdout


@pytest.mark.slow
def test_the_primer_is_opened_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_COURSE", str(tmp_path))
    lines = invoke("open", "primer").stdout.splitlines()
    assert lines[-2:] == [
        f"The exercises of the primer: {tmp_path / 'primer_exercises'}",
        "Solve one, and check it: headway course check P.1",
    ]
    assert len(list((tmp_path / "primer_exercises").iterdir())) == 12
    third = exercises_of("primer")[2]
    (tmp_path / "primer_exercises" / "3_pairs.py").write_text(third.solution)
    assert invoke("check", "P.3").stdout.startswith("P.3 Two lists side by side: solved")
    # What is next, where nothing is named.
    assert invoke("check").stdout.startswith("P.1 ")
