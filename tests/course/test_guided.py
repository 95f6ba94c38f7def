from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headway.course import guided
from headway.course.guided import CellResult, LessonProcess, guide, run_all
from headway.course.lesson import Lesson, parse, read
from headway.course.state import Log
from headway.course.terminal import Terminal
from headway.errors import RunError

Typed = Callable[..., Terminal]
HEAD = '# %% [markdown]\n# # T\n# id = 7, layer = "call", minutes = 1, needs = []\n'


@pytest.fixture
def learner(small_course: Path) -> Path:
    """The learner's copy of the lesson."""
    small_course.mkdir()
    file = small_course / "07_small.py"
    file.write_text((small_course.parent / "lessons" / "07_small.py").read_text())
    return file


def results_of(*cells: str, folder: Path) -> list[CellResult]:
    lesson = parse(HEAD + "".join(f"# %%\n{cell}\n" for cell in cells), name="07_t.py")
    with LessonProcess(lesson, file=folder / "07_t.py", folder=folder) as process:
        return [process.run(number + 1) for number in range(len(cells))]


def test_cells_share_names_and_show_their_last_value(tmp_path: Path) -> None:
    results = results_of(
        "x = 2\nprint('one')", "x + 1", "print('no end', end='')", "None", "__name__, __file__", folder=tmp_path
    )
    assert [one.output for one in results] == [
        "one\n",
        "3\n",
        "no end",
        "",
        f"('__main__', '{tmp_path / '07_t.py'}')\n",
    ]
    assert [one.error for one in results] == [""] * 5


def test_errors_end_a_cell_and_not_the_process(tmp_path: Path) -> None:
    results = results_of("def f():\n    return 1 / 0", "f()", "x =", "import sys; sys.exit(3)", "1", folder=tmp_path)
    assert results[1].error.splitlines() == [
        '  File "07_t.py, cell at line 7", line 1, in <module>',
        "    f()",
        '  File "07_t.py, cell at line 4", line 2, in f',
        "    return 1 / 0",
        "           ~~^~~",
        "ZeroDivisionError: division by zero",
    ]
    assert results[2].error.endswith("SyntaxError: invalid syntax")
    assert results[3].error.endswith("SystemExit: 3")
    assert results[4].output == "1\n"


def test_the_course_folder_is_the_one_that_a_lesson_runs_in(tmp_path: Path) -> None:
    (result,) = results_of("from headway.course.state import course_folder\ncourse_folder()", folder=tmp_path)
    assert result.output == f"{tmp_path!r}\n"


def test_there_is_no_network_and_no_input(tmp_path: Path) -> None:
    network, question = results_of(
        "import urllib.request; urllib.request.urlopen('http://example.org')", "input()", folder=tmp_path
    )
    assert "A lesson has no network, and your code connects to example.org." in network.error
    assert question.error.endswith("EOFError: EOF when reading a line")


def test_what_a_cell_prints_is_never_taken_for_its_result(tmp_path: Path) -> None:
    fake = 'import os; os.write(1, b\'{"error": "no"}\\n\')'
    (result,) = results_of(fake, folder=tmp_path)
    assert (result.error, result.output) == ("", '{"error": "no"}\n16\n')


@pytest.mark.slow
def test_figures_are_saved_with_what_they_show(tmp_path: Path) -> None:
    lesson = parse(
        f'{HEAD}# %% tags=["alt:A line that rises."]\nfrom matplotlib.figure import Figure\nfigure = Figure()\n'
        "figure.subplots().plot([0, 1])\nfigure\n# %%\n[figure, figure]\n",
        name="07_t.py",
    )
    with LessonProcess(lesson, file=tmp_path / "07_t.py", folder=tmp_path) as process:
        one, two = process.run(1), process.run(2)
    assert [Path(file).relative_to(tmp_path).as_posix() for file in one.figures] == ["figures/07-cell-1.png"]
    assert one.alt == "A line that rises."
    assert one.output == ""
    assert len(two.figures) == 2
    assert all(Path(file).read_bytes().startswith(b"\x89PNG") for file in [*one.figures, *two.figures])


@pytest.mark.slow
def test_the_same_figure_is_the_same_file(tmp_path: Path) -> None:
    code = "from matplotlib.figure import Figure\nfigure = Figure()\nfigure.subplots().plot([0, 1])\nfigure\n"
    lesson = parse(f"{HEAD}# %%\n{code}", name="07_t.py")
    texts = []
    for name in ("one", "two"):
        with LessonProcess(lesson, file=tmp_path / name, folder=tmp_path / name, figures="svg") as process:
            (file,) = process.run(1).figures
        texts.append(Path(file).read_text())
    assert texts[0] == texts[1]
    assert texts[0].rstrip().endswith("</svg>")


def test_a_process_that_ends_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        results_of("import os; os._exit(9)", folder=tmp_path)
    assert str(caught.value) == (
        "The process of the lesson ended, perhaps because it was out of memory.\n"
        "  Given: 07_t.py, cell at line 4; exit status 9\n"
        "  Fix:   Close other programs and run it again: headway course run 7"
    )


def test_all_cells_are_run_and_logged(learner: Path, log: Log) -> None:
    results = list(run_all(read(7), file=learner, log=log))
    assert [one.cell for one in results] == [2, 3]
    assert results[1].output == "share: 0.75, as expected (0.74 to 0.76)\n0.75\n"
    assert results[1].claims[0].fine
    assert [event.id for event in log.read()] == ["7.cell.2", "7.cell.3"]


def test_the_file_runs_as_any_program_does(learner: Path) -> None:
    done = subprocess.run([sys.executable, learner], capture_output=True, text=True, check=True)
    assert done.stdout == "share: 0.75, as expected (0.74 to 0.76)\n"


def test_nothing_runs_after_an_error(learner: Path, log: Log) -> None:
    lesson = parse(f"{HEAD}# %%\n1 / 0\n# %%\n2\n")
    assert [bool(one.error) for one in run_all(lesson, file=learner, log=log)] == [True]
    assert log.read() == []


def test_a_learner_goes_through_a_lesson(
    learner: Path, log: Log, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    # Two guesses, two cells, two questions of which the second has options.
    terminal = typed("3", "1", "0.8", "r", "", "", "", "1", "", "2 1")
    assert guide(read(7), terminal, file=learner, log=log)
    shown = capsys.readouterr().out
    assert shown.splitlines()[:27] == [
        "Lesson 7, about 5 minutes. q stops; you go on from there. r, where a cell waits,",
        "runs the one before it again, as you have saved it by then:",
        str(learner),
        "",
        "A small lesson",
        "",
        "It promises little.",
        "",
        "Predict first",
        "",
        "Will it be more than half?",
        "",
        "  1. yes",
        "  2. no",
        "Your guess, 1 to 2: 3",
        "Type a number from 1 to 2.",
        "Your guess, 1 to 2: 1",
        "And how much?",
        "",
        "Your guess (a number): 0.8",
        "",
        "    from headway.course.claims import claim",
        "",
        "    share = 3 / 4",
        "",
        "Run it (Enter) r",
        "No cell has run yet.",
    ]
    assert "This cell takes about 20 s on two cores.\nRun it (Enter) \nshare: 0.75" in shown
    assert shown.index("You guessed: yes\nYou guessed (a number): 0.8") < shown.index("claim(")
    assert "[number]\nWhat it says\n\nIt was 75%,\n" in shown
    # After a question the text goes on in a paragraph of its own.
    assert "\n\nand `{share}` is code." in shown
    assert shown.endswith("That was lesson 7.\nNow its questions: headway course quiz 7\n")
    events = log.read()
    assert [event.id for event in events] == ["7.predict.1", "7.predict.2", "7.cell.2", "7.cell.3", "7.01", "7.02"]
    assert [event.answer for event in events[:2]] == ["yes", "0.8"]


@pytest.mark.slow
def test_a_lesson_goes_on_where_it_was_left(
    learner: Path, log: Log, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not guide(read(7), typed("1", "0.8", "", "q"), file=learner, log=log)
    assert capsys.readouterr().out.endswith("Go on with: headway course run 7\n")
    assert not guide(read(7), typed("", "q"), file=learner, log=log)
    shown = capsys.readouterr().out
    assert "Running the cell from before again." in shown
    assert "share: 0.75" in shown
    assert "Predict first" not in shown
    guide(read(7), typed(), file=learner, log=log, start_again=True)
    assert "Predict first" in capsys.readouterr().out


def test_ctrl_c_says_how_to_go_on(
    learner: Path, log: Log, monkeypatch: pytest.MonkeyPatch, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LessonProcess, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        guide(read(7), typed("1", "0.8", ""), file=learner, log=log)
    assert capsys.readouterr().out.endswith("\n\nGo on with: headway course run 7\n")


@pytest.mark.skipif(not hasattr(os, "getsid"), reason="Windows has no sessions.")
def test_ctrl_c_reaches_the_lesson_and_not_its_cells(learner: Path, log: Log) -> None:
    lesson = parse(f"{HEAD}# %%\nimport os\nos.getsid(0)\n", name="07_small.py")
    (result,) = run_all(lesson, file=learner, log=log)
    assert int(result.output) != os.getsid(0)


def test_a_cell_that_fails_ends_the_tour_with_what_to_do(
    learner: Path, log: Log, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    lesson: Lesson = parse(f"{HEAD}# %%\n1 / 0\n", name="07_small.py")
    assert not guide(lesson, typed(""), file=learner, log=log)
    assert capsys.readouterr().out.splitlines()[-7:] == [
        "ZeroDivisionError: division by zero",
        "",
        "The cell at line 4 stopped with an error. Correct it in your file:",
        str(learner),
        "Explained: headway why",
        "",
        "Go on with: headway course run 7",
    ]


CHANGES = f"""{HEAD}# %%
count = 0
# %%
count += 1
print("count", count)
"""


@pytest.fixture
def saving(learner: Path) -> Callable[..., Terminal]:
    """A terminal in which an answer that holds a line end is first saved as the lesson's file, and r typed then."""

    def make(*answers: str) -> Terminal:
        left = iter(answers)

        def read(prompt: str) -> str:
            try:
                answer = next(left)
            except StopIteration:
                raise EOFError from None
            if "\n" in answer:
                learner.write_text(answer)
            return "r" if "\n" in answer else answer

        return Terminal(plain=True, read=read, width=80)

    return make


def test_a_changed_cell_is_run_again(
    learner: Path, log: Log, saving: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = CHANGES.replace("count += 1", "count += 10")
    broken = CHANGES.replace("count += 1", "count += one")
    more = f"{changed}# %%\nprint('more')\n"
    lesson = parse(CHANGES, name="07_small.py")
    assert guide(lesson, saving("", "", changed, broken, more, "print(1)\n", CHANGES), file=learner, log=log)
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if line.startswith(("count", "NameError"))] == [
        "count 1",
        "count 11",
        "NameError: name 'one' is not defined",
        "count 12",
    ]
    assert (
        "Your file has more or fewer cells than this lesson began with. To begin with\nthem:\n"
        "headway course run 7 --again\n"
    ) in shown
    assert "07_small.py, line 1: A lesson needs cells." in shown
    assert shown.rstrip().endswith(("headway course watch", "headway course quiz 7"))


def test_a_cell_that_failed_is_run_again_when_it_is_corrected(
    learner: Path, log: Log, saving: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = CHANGES.replace("count += 1", "count += one")
    assert guide(parse(broken, name="07_small.py"), saving("", "", broken, CHANGES), file=learner, log=log)
    shown = capsys.readouterr().out
    assert shown.count("NameError: name 'one'") == 2
    assert "count 1\n" in shown
    assert [event.id for event in log.read()] == ["7.cell.1", "7.cell.2"]


def test_processes_are_ended(learner: Path, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    processes: list[LessonProcess] = []

    class Watched(LessonProcess):
        def __enter__(self) -> Watched:
            processes.append(self)
            super().__enter__()
            return self

    monkeypatch.setattr(guided, "LessonProcess", Watched)
    results: Iterator[CellResult] = run_all(read(7), file=learner, log=log)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert processes[0]._process.poll() is not None


def test_a_guess_that_the_text_answers_is_answered_there(
    tmp_path: Path, log: Log, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    text = LESSON_OF_TEXT.format(guess="⟨guess one | *two⟩")
    assert guide(parse(text), typed("1", "", ""), file=tmp_path / "lesson.py", log=log)
    shown = capsys.readouterr().out
    assert "Your guess, 1 to 2: 1\nYou guessed: one. It was: two\n\nIt is two.\n" in shown
    assert shown.count("You guessed") == 1


LESSON_OF_TEXT = """# %% [markdown]
# # T
# id = 7, layer = "call", minutes = 1, needs = []
# %% [markdown]
# ## A {{#a}}
# Which? {guess}
#
# It is two.
# %% [markdown]
# ## B {{#b}}
# Next.
# %%
1
"""
