from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.data.decisions import Decision, append, apply, read_decisions
from headway.errors import ConfigError, DataError

NUM_ROWS = 40


def table() -> pl.DataFrame:
    draw = np.random.default_rng(0)
    return pl.DataFrame({"a": draw.normal(size=NUM_ROWS).round(5), "answer": ["no", "yes"] * (NUM_ROWS // 2)})


def opened(*files: Path) -> hw.Data:
    return hw.from_items(table(), target="answer", decisions=list(files) or None)


def decide(file: Path, row: int, action: Any, new: str | None = None, *, author: str = "ada") -> None:
    items = hw.from_items(table(), target="answer").items
    content = items["content"][row]
    if action == "same_as":
        new = items["content"][int(str(new))]
    append(file, Decision(content=content, row=row, action=action, old=items["answer"][row], new=new, author=author))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "decisions.jsonl"


def test_labels_change_and_items_go_as_decided(file: Path) -> None:
    decide(file, 0, "relabel", "yes")
    decide(file, 3, "drop")
    decide(file, 5, "keep")
    decide(file, 6, "unsure")
    data = opened(file)
    assert data.items.filter(pl.col("row") == 0)["answer"].to_list() == ["yes"]
    assert 3 not in data.items["row"]
    assert data.problems.rows() == [("row 3", 3, "dropped by ada")] or data.problems["reason"][0] == "dropped by ada"
    assert data.decisions is not None
    assert data.decisions.rows == (0, 3)
    assert data.notes == ("Decisions: 1 labels changed, 1 items left out.",)
    assert data.fingerprint != opened().fingerprint


def test_the_last_decision_counts_and_undo_takes_it_back(file: Path) -> None:
    decide(file, 0, "drop")
    decide(file, 0, "relabel", "yes")
    assert opened(file).items["answer"][0] == "yes"
    decide(file, 0, "undo")
    assert 0 not in opened(file).items["row"]
    decide(file, 0, "undo")
    assert opened(file).fingerprint == opened().fingerprint


def test_items_that_are_the_same_stay_on_one_side(file: Path) -> None:
    items = opened().items
    train, valid = (items.filter(pl.col("split") == name)["row"][0] for name in ("train", "valid"))
    decide(file, valid, "same_as", str(train))
    sides = dict(opened(file).items.select("row", "split").rows())
    assert sides[train] == sides[valid]


def test_decisions_of_two_people_that_contradict_change_nothing(file: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.jsonl"
    decide(file, 0, "relabel", "yes")
    decide(file, 2, "drop")
    decide(theirs, 0, "keep", author="bob")
    decide(theirs, 2, "drop", author="bob")
    data = opened(file, theirs)
    assert data.items["answer"][0] == "no"
    assert 2 not in data.items["row"]
    assert data.decisions is not None
    assert data.decisions.disagreed == 1
    assert read_decisions([file, theirs]).disagreed().keys() == {(data.items["content"][0], 0)}


@pytest.mark.slow
def test_kappa_equals_that_of_scikit_learn(file: Path) -> None:
    from sklearn.metrics import cohen_kappa_score

    draw = np.random.default_rng(1)
    answers = draw.choice(["keep", "drop", "unsure"], (2, 30), p=[0.6, 0.3, 0.1])
    answers[1, :15] = answers[0, :15]
    for author, of in zip(("ada", "bob"), answers, strict=True):
        for row, action in enumerate(of):
            append(file, Decision(content=f"c{row}", row=row, action=action, author=author))
    kappa = read_decisions(file).kappa()
    assert kappa == pytest.approx(cohen_kappa_score(*answers))


def test_decisions_follow_their_items_to_other_rows(file: Path) -> None:
    decide(file, 0, "relabel", "yes")
    moved = hw.from_items(table()[::-1], target="answer", decisions=file)
    assert moved.items.filter(pl.col("a") == table()["a"][0])["answer"].to_list() == ["yes"]
    gone = hw.from_items(table()[1:], target="answer", decisions=file)
    assert gone.notes == ("Decisions: 0 labels changed, 0 items left out, 1 on items that are no longer there.",)


@pytest.mark.slow
def test_whatever_was_acknowledged_is_there_after_a_kill(file: Path) -> None:
    draw, acknowledged = random.Random(0), 0
    # On a busy machine the first may be killed before it has written anything.
    file.touch()
    for number in range(20):
        read, write = os.pipe()
        process = os.fork()
        if not process:
            for row in range(10_000):
                append(file, Decision(content=f"{number}-{row}", row=row, action="drop", author="ada"))
                os.write(write, b".")
        os.close(write)
        time.sleep(draw.uniform(0.001, 0.03))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        while more := os.read(read, 1 << 16):
            acknowledged += len(more)
        os.close(read)
        lines = read_decisions(file).lines
        # One more may be on the disk than was said.
        assert acknowledged <= len(lines) <= acknowledged + number + 1


def test_half_a_line_is_passed_over(file: Path) -> None:
    decide(file, 0, "drop")
    whole = file.read_bytes()
    file.write_bytes(whole + whole[: len(whole) // 2])
    decide(file, 1, "drop")
    assert [line.row for line in read_decisions(file).lines] == [0, 1]


def test_what_is_no_decision_is_an_error(file: Path, tmp_path: Path) -> None:
    file.write_text(json.dumps({"content": "x", "row": 0, "action": "burn"}) + "\n")
    with pytest.raises(DataError) as error:
        read_decisions(file)
    assert str(error.value) == (
        "A line of the file of decisions is none.\n"
        f'  Given: {file}, line 1: b\'{{"content": "x", "row": 0, "action": "burn"}}\'\n'
        "  Fix:   Remove that line."
    )
    with pytest.raises(DataError) as error:
        read_decisions(tmp_path / "none.jsonl")
    assert str(error.value) == (
        "The file of decisions cannot be read.\n"
        f"  Given: {tmp_path / 'none.jsonl'}: No such file or directory\n"
        "  Fix:   Correct the path; `headway clean DATA` makes one."
    )


def test_labels_in_several_columns_cannot_be_changed(file: Path) -> None:
    columns = ["left", "top"]
    frame = pl.DataFrame({"left": [1.0], "top": [2.0], "row": [0], "content": ["c"]})
    append(file, Decision(content="c", row=0, action="relabel", new="3"))
    with pytest.raises(ConfigError) as error:
        apply(frame, hw.Points(columns=columns), read_decisions(file))
    assert error.value.what == "Decisions change labels that are in one column of the table."
    assert error.value.fix == "Leave `decisions` and `relabel` out."


def test_a_run_keeps_what_was_decided(file: Path, tmp_path: Path) -> None:
    decide(file, 0, "relabel", "yes")
    data = opened(file)
    hw.Learner(data, run=tmp_path / "run", progress=False)
    again = hw.Learner.resume(tmp_path / "run", progress=False)
    assert again.data.decisions == data.decisions
    assert again.data.fingerprint == data.fingerprint
