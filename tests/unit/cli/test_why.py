"""`headway why`: a script, standard input, the last failure, a run; as text and as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headway.cli import app
from headway.errors import ConfigError, RunError
from headway.why.failure import Failure, Frame, load, save
from headway.why.match import explain, explain_run
from headway.why.script import killed, run_script
from headway.why.show import show

SCRIPT = """import sys

rows = [1, 2, 3]
print(sys.argv[1:])
print(rows[len(rows)])
"""


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))


def _why(*arguments: str, text: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, ["why", *arguments], input=text)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_a_script_is_run_with_its_arguments_and_explained(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "count.py").write_text(SCRIPT)
    status, _ = _why(str(tmp_path / "count.py"), "--epochs", "3", "--json")
    shown = capfd.readouterr()
    assert status == 1
    assert "['--epochs', '3', '--json']" in shown.out
    # The traceback is Python's own, from the script on.
    assert shown.err.startswith('Traceback (most recent call last):\n  File "')
    assert "runpy" not in shown.err
    failure = load()
    assert failure is not None
    text = show(failure, explain(failure))
    assert text == (
        "IndexError: list index out of range\n"
        "count.py, line 5\n"
        "    print(rows[len(rows)])\n\n"
        "An index is beyond the end  [python.index]\n"
        "A list of n elements has indices 0 to n - 1.\n\n"
        "Why: Your `rows` has 3 elements, so its last index is one less.\n\n"
        "Fix:\n    for row in rows:  # needs no index\n\n"
        "Look:\n    print(len(rows))\n\n"
        "Variables on that line:\n    rows  list of length 3\n\n"
        "None of these? `headway why --question` writes a question that you can post."
    )


def test_a_script_that_ends_well_is_no_failure(tmp_path: Path) -> None:
    save(Failure("KeyError", "'before'"))
    (tmp_path / "fine.py").write_text("x = 1\n")
    status, text = _why(str(tmp_path / "fine.py"))
    assert status == 0
    assert text == "fine.py ended without an error.\n\nIts variables show no problem of the catalogue.\n"
    last = load()
    assert last is not None
    assert last.message == "'before'"


def test_a_script_that_is_missing() -> None:
    with pytest.raises(ConfigError) as error:
        run_script(Path("nowhere.py"))
    assert str(error.value) == (
        "There is no such script.\n  Given: nowhere.py\n"
        "  Fix:   Pass a Python file, or paste a traceback: headway why < traceback.txt"
    )


def test_processes_that_end_without_a_word() -> None:
    assert explain(killed(-9))[0].entry.id == "memory.killed"
    assert explain(killed(-11))[0].entry.id == "memory.segmentation_fault"
    assert killed(3) == Failure("SystemExit", "3")


def test_standard_input() -> None:
    status, text = _why("-", text="Traceback (most recent call last):\nKeyError: 'age'\n")
    assert status == 1
    assert "The key 'age' is missing." in text


@pytest.mark.slow
def test_the_last_failure_and_a_question() -> None:
    assert _why() == (0, "No failure is saved. Run: headway why script.py\n")
    save(Failure("KeyError", "'age'", frames=(Frame("train.py", 3, "<module>", "row['age']"),)))
    status, text = _why()
    assert status == 1
    assert text.startswith("KeyError: 'age'\ntrain.py, line 3\n    row['age']\n")
    assert _why("--question")[1].startswith("# KeyError: 'age'\n")
    values = json.loads(_why("--json")[1])
    assert values["failure"]["type"] == "KeyError"
    assert values["explanations"][0]["id"] == "python.key"


@pytest.mark.slow
def test_an_error_of_ours_is_shown_whole_with_its_entry(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from headway.cli import main; main()", "predict", "no.headway", "a.jpg"]
    subprocess.run(command, capture_output=True, check=False)
    status, text = _why()
    assert status == 1
    assert text == (
        "BundleError: The bundle cannot be opened: there is no such file.\n\n"
        f"Given: no.headway, looked up from {Path.cwd()}\nFix:   Correct the path.\nMore:  help(hw.load), in Python\n\n"
        "A file is not a model of Headway  [headway.no_bundle]\n"
        "A bundle holds the graph, how inputs are read, the classes and a check. This\n"
        "file is none, is damaged, or is missing.\n\n"
        "Why, the likeliest first:\n"
        "  1. The path is looked up from another folder than the one the model was\n"
        "     exported to.\n"
        "  2. The file holds weights alone, such as those of `torch.save`.\n"
        '  3. A download broke off, or saved a page that says "not found".\n\n'
        "Fix:\n"
        '    learner.export("model.headway"); model = hw.load("model.headway")\n\n'
        "Look:\n"
        '    print(Path("model.headway").resolve(), Path("model.headway").exists())\n\n'
        "Lesson: L3 Your data, your page: One file\n\n"
        "None of these? `headway why --question` writes a question that you can post.\n"
    )


def test_a_run_is_explained_by_its_report(tmp_path: Path) -> None:
    finding = {
        "kind": "overfitting",
        "sentence": "Accuracy is 1.00 on train, 0.70 on valid.",
        "remedies": ["more data"],
    }
    (tmp_path / "report.json").write_text(json.dumps({"findings": [finding]}))
    status, text = _why("--run", str(tmp_path))
    assert status == 1
    assert (
        "The model remembers its training items  [runs.overfitting]\nAccuracy is 1.00 on train, 0.70 on valid." in text
    )
    assert "Try: more data." in text
    assert json.loads(_why("--run", str(tmp_path), "--json")[1])["explanations"][0]["fix"] == "Try: more data."
    (tmp_path / "report.json").write_text(json.dumps({"findings": []}))
    assert _why("--run", str(tmp_path)) == (0, f"The report of {tmp_path} names no problem.\n")


def test_a_run_without_a_report(tmp_path: Path) -> None:
    with pytest.raises(RunError) as error:
        explain_run(tmp_path)
    assert str(error.value) == (
        f"The run has no report to read.\n  Given: {tmp_path}\n"
        f"  Fix:   Finish the run, or write its report again: headway report {tmp_path}"
    )


def test_colour_changes_no_word() -> None:
    failure = Failure("KeyError", "'age'")
    coloured = show(failure, explain(failure), colour=True)
    assert "\x1b[1m" in coloured
    plain = coloured
    for code in ("\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[0m"):
        plain = plain.replace(code, "")
    assert plain == show(failure, explain(failure))


def test_what_would_steer_the_terminal_is_made_visible() -> None:
    pasted = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    x["dog"]\n'
    shown = CliRunner().invoke(app, ["why", "-"], input=f"{pasted}KeyError: 'dog\x1b[2J'\n").output
    assert "\x1b" not in shown
    assert "KeyError: 'dog\\u001b[2J'" in shown
