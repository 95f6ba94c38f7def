"""The learner's log: nothing that was written is lost, whatever ends the process, and what it adds up to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.course.state import Event, Log, course_folder, fold
from headway.errors import ConfigError


def events(count: int) -> list[Event]:
    return [Event(kind="question", id=f"1.{number:02}", outcome="right", answer="é\n") for number in range(count)]


def test_what_was_appended_is_read(tmp_path: Path) -> None:
    log = Log(tmp_path)
    assert log.read() == []
    written = events(3)
    log.append(*written[:2])
    log.append(written[2])
    assert log.read() == written
    assert log.num_broken() == 0


def test_a_log_cut_at_any_byte_keeps_every_whole_line(tmp_path: Path) -> None:
    log = Log(tmp_path)
    written = events(2)
    log.append(*written)
    whole = log.path.read_bytes()
    added = Event(kind="hint", id="1.1")
    for size in range(len(whole) + 1):
        log.path.write_bytes(whole[:size])
        # A line that lacks only its end says all that it has to say.
        expected = written[: whole[:size].count(b"\n") + (whole[size : size + 1] == b"\n")]
        assert log.read() == expected
        if size % 4 == 0:
            log.append(added)
            assert log.read() == [*expected, added]
            assert log.num_broken() == 0


KILLS = """
import os, random, signal, sys, time
from pathlib import Path
from headway.course.state import Event, Log
log, draw = Log(Path(sys.argv[1])), random.Random(0)
acknowledged = set()
for kill in range(100):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        number = 0
        while True:
            log.append(Event(kind="read", id=f"1.{kill}.{number}", answer="x" * 3000))
            os.write(writing, b".")
            number += 1
    os.close(writing)
    os.read(reading, 1)
    time.sleep(draw.random() * 0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    count = 1
    while more := os.read(reading, 4096):
        count += len(more)
    acknowledged |= {f"1.{kill}.{number}" for number in range(count)}
read = {event.id for event in log.read()}
print(len(acknowledged), len(acknowledged - read), log.num_broken())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLS, str(tmp_path)], capture_output=True, text=True, check=True)
    appended, lost, broken = map(int, done.stdout.split())
    assert appended >= 100
    # The last kill may leave one line without an end.
    assert (lost, broken <= 1) == (0, True)


def test_a_broken_line_hides_no_other(tmp_path: Path) -> None:
    log = Log(tmp_path)
    written = events(2)
    log.append(written[0])
    with log.path.open("a") as file:
        file.write('<<<<<<< HEAD\n[1]\n{"kind": 3, "id": "1.1"}\n\n')
    log.append(written[1])
    assert log.read() == written
    assert log.num_broken() == 3


def test_an_event_of_a_newer_version_is_read(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.append(Event(kind="new kind", id="1.1"))
    text = log.path.read_text().replace('"kind"', '"mood": "glad", "kind"')
    log.path.write_text(text)
    assert [event.kind for event in log.read()] == ["new kind"]
    assert fold(log.read()).lesson("1").exercises == {}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".headway").write_text("a file where a folder must be")
    log = Log(tmp_path)
    with pytest.raises(ConfigError) as caught:
        log.append(Event(kind="hint", id="1.1"))
    assert str(caught.value) == (
        "What you did cannot be written to your course folder.\n"
        f"  Given: {log.path}: File exists\n"
        "  Fix:   Free some space, or choose a folder that you can write to: set HEADWAY_COURSE."
    )


def test_the_learners_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADWAY_COURSE", str(tmp_path))
    assert course_folder() == tmp_path
    monkeypatch.delenv("HEADWAY_COURSE")
    assert course_folder() == Path.home() / "headway-course"


def check(outcome: str, hash: str = "", **answer: str) -> Event:
    return Event(kind="exercise", id="1.2", outcome=outcome, hash=hash, answer=answer)


def test_exercises_are_folded() -> None:
    assert fold([]).exercise("1.2").state == "untouched"
    failed = fold([check("crashed"), check("timed out"), check("not yet", case="counts None")]).exercise("1.2")
    assert (failed.state, failed.failed_checks, failed.failed_case) == ("not yet", 3, "counts None")
    solved = fold([check("not yet", case="a"), check("solved", "ab"), check("crashed", "cd")]).exercise("1.2")
    assert (solved.state, solved.solved_hash) == ("solved", "ab")
    seen = [check("not yet"), Event(kind="solution", id="1.2"), check("solved", "ab")]
    assert fold(seen).exercise("1.2").state == "seen"
    after = [check("solved"), Event(kind="solution", id="1.2"), Event(kind="hint", id="1.2")]
    assert (fold(after).exercise("1.2").state, fold(after).exercise("1.2").hints) == ("solved", 1)


def test_questions_are_folded_and_self_marked_ones_stand_apart() -> None:
    lesson = fold(
        [
            Event(kind="question", id="1.01", outcome="partly", answer={"share": 0.5}),
            Event(kind="question", id="1.01", outcome="right"),
            Event(kind="question", id="1.02", outcome="wrong"),
            Event(kind="recall", id="1.07", outcome="right", answer={"share": 1}),
            Event(kind="question", id="2.01", outcome="right"),
        ]
    ).lesson("1")
    assert (lesson.questions["1.01"].answered, lesson.questions["1.01"].first, lesson.questions["1.01"].last) == (
        2,
        0.5,
        1.0,
    )
    assert (lesson.share(self_marked=False), lesson.share(self_marked=True)) == (0.5, 1.0)
    assert fold([]).lesson("1").share(self_marked=True) is None


def test_cells_and_research_are_folded() -> None:
    progress = fold(
        [
            Event(kind="opened", id="1"),
            Event(kind="read", id="1.predict.1"),
            Event(kind="read", id="1.predict.1"),
            Event(kind="research", id="1.F1", outcome="passed"),
        ]
    )
    lesson = progress.lesson("1")
    assert (lesson.opened, lesson.cells, lesson.research) == (True, {"1.predict.1"}, {"1.F1": "passed"})
    assert progress.latest is not None
    assert progress.latest.kind == "research"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(["question", "exercise", "hint", "x"]), st.text(), st.text(), json_values)))
def test_any_event_comes_back_and_folds(tmp_path_factory: pytest.TempPathFactory, written: list[tuple]) -> None:
    log = Log(tmp_path_factory.mktemp("log"))
    known = [Event(kind=kind, id=id, outcome=outcome, answer=answer) for kind, id, outcome, answer in written]
    log.append(*known)
    assert log.read() == known
    fold(known)
