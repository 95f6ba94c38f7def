"""Each piece of code in the documents is true, and a broken one would be found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.docs.code import BrokenCodeError, check, pieces
from tests.docs.shell import MARK, reason_not_to_run, run_block
from tests.meta.modules import pages

LANGUAGES = {"bash", "csv", "json", "nginx", "python", "text", "yaml"}
"""Of these `nginx` and `text` are neither run nor compared; `tests/meta/test_docs.py` reads what is `yaml`."""


def test_pieces_between_backticks_are_true() -> None:
    checked, problems = 0, []
    for page, number, line, piece in pieces():
        try:
            checked += check(piece, line=line)
        except BrokenCodeError as error:
            problems.append(f"{page.name}:{number}: {error}")
    assert not problems, "\n".join(problems)
    assert checked > 400


@pytest.mark.parametrize(
    ("piece", "line"),
    [
        ('hw.Number("age", lowest=0)', ""),
        ('hw.Number("age", low=1, high=0)', ""),
        ("hw.Learner(data, batchsize=)", ""),
        ("hw.NoSuchField()", ""),
        ("learner.fine_tune(epoch=3)", ""),
        ("learner.no_such_method()", ""),
        ("report.no_such_value", ""),
        ("fine_tune(epoch=3)", ""),
        ("batchsize=", ""),
        ("split=hw.NoSuchSplit()", ""),
        ("headway trian DATA", ""),
        ("headway train DATA --no-such-option", ""),
        ("headway train DATA --kind photo", ""),
        ("--no-such-option", ""),
        ("--epochs", "| `headway predict BUNDLE` | `--epochs` |"),
        ("--epochs many", ""),
        ("make coffee", ""),
        ("data/no_such_file.py", ""),
    ],
)
def test_a_broken_piece_is_found(piece: str, line: str) -> None:
    with pytest.raises(BrokenCodeError):
        check(piece, line=line)


def test_words_are_no_code() -> None:
    assert not any(check(piece) for piece in ("label", "report.html", "runs/photos/", "torch.compile", "[batch, 3]"))


def blocks() -> list[tuple[Path, str, str]]:
    found = []
    for page in pages():
        for language, block in re.findall(r"^```(.*)\n((?:.*\n)*?)```$", page.read_text(), flags=re.MULTILINE):
            found.append((page, language, block))
    return found


def test_every_block_says_its_language() -> None:
    assert not [(page.name, block) for page, language, block in blocks() if language not in LANGUAGES]


def test_json_is_json() -> None:
    shown = [block for _, language, block in blocks() if language == "json"]
    assert shown
    for block in shown:
        json.loads(block)


def test_blocks_that_are_not_run_say_why(tmp_path: Path) -> None:
    """Python always runs, so that only commands can be left out; those of Headway are checked all the same."""
    left_out = {block: reason_not_to_run(block) for _, language, block in blocks() if language == "bash"}
    for block, reason in left_out.items():
        if reason:
            assert run_block(block, tmp_path) == ""
            assert len(reason) >= len("installs")
    assert not [block for _, language, block in blocks() if language != "bash" and MARK in block]


@pytest.mark.parametrize(
    "block",
    [
        "false\necho on\n",
        "headway trian photos/\n",
        "make coffee\n",
        f"{MARK}needs a server\nheadway serve model.headway --no-such-option\n",
    ],
)
def test_a_broken_block_is_found(block: str, tmp_path: Path) -> None:
    with pytest.raises(BrokenCodeError):
        run_block(block, tmp_path)
