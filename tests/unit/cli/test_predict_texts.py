"""`headway predict` and `headway evaluate` for bundles of texts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.bundle.export import export_bundle
from tests.unit.cli.conftest import Command

DAYS = pl.DataFrame(
    {
        "text": [f"a {word} day number {number}" for number in range(20) for word in ("good", "dull")],
        "mood": ["glad", "sad"] * 20,
    }
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of a model that has not been trained."""
    data = hw.from_items(DAYS, input=hw.Text("text"), target="mood")
    learner = hw.Learner(data, "text_cnn", progress=False, device="cpu")
    path = tmp_path_factory.mktemp("days") / "model.headway"
    data = learner.data
    parts = {"model": learner.model, "prepare": learner.prepare, "input": data.input, "target": data.target}
    examples = data.input.collate([data.input.read(text) for text in DAYS["text"][:3]])
    return export_bundle(path, **parts, examples=np.asarray(examples), manifest={}, card="")


@pytest.mark.slow
def test_a_text_itself_is_answered(headway: Command, bundle: Path, tmp_path: Path) -> None:
    """However long it is; not where it is a file, or named as one."""
    long = "a dull day and " * 400
    done = headway("predict", bundle, "a good day", "dull", long)
    assert (done.status, done.err) == (0, "")
    assert [line.rpartition(": ")[0] for line in done.out.splitlines()] == [
        "a good day",
        "dull",
        f"{long[:56]} ...",
    ]
    answer = hw.load(bundle).predict("a good day")
    found = json.loads(headway("predict", "--json", bundle, "a good day").out)
    assert (found["text"], found["label"], found["score"]) == ("a good day", answer.label, answer.score)
    DAYS[:2].write_csv(tmp_path / "days.csv")
    assert headway("predict", bundle, "days.csv").out.startswith("row 0: ")
    (tmp_path / "codes.csv").write_text("text\n12345\n80082\n")
    assert [line[:6] for line in headway("predict", bundle, "codes.csv").out.splitlines()] == ["row 0:", "row 1:"]
    for name in ("dais.csv", "https://pets.example/days.csv", "days.docx"):
        assert headway("predict", bundle, name).status == 2


@pytest.mark.slow
def test_files_of_text_are_answered_as_those_of_a_folder_that_was_trained_on(
    headway: Command, bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "one.txt").write_text("a good day, a dull day\nand more; number 3\n")
    (tmp_path / "days" / "two.txt").write_text("")
    done = headway("predict", bundle, "days")
    assert (done.status, done.err) == (1, "days/two.txt: empty: there is no text in it\n")
    assert done.out.startswith("days/one.txt: ")
    found = headway("predict", "--json", bundle, "days/one.txt").line
    assert found["score"] == pytest.approx(
        hw.load(bundle).predict("a good day, a dull day\nand more; number 3\n").score
    )
    # One whose first line names the column is a table.
    (tmp_path / "table.txt").write_text("number;text\n1;a good day\n")
    assert headway("predict", bundle, "table.txt").out.startswith("row 0: ")


@pytest.mark.slow
def test_a_table_without_the_texts_is_refused_by_its_own_columns(
    headway: Command, bundle: Path, tmp_path: Path
) -> None:
    DAYS.rename({"text": "review", "mood": "feeling"}).write_csv(tmp_path / "days.csv")
    for named, column, hint in (
        ((), "text", "Known: feeling, review."),
        (("--input", "revue"), "revue", 'Did you mean "review"?'),
    ):
        refused = headway("evaluate", bundle, "days.csv", "--target", "feeling", *named)
        assert (refused.status, refused.err) == (
            2,
            f"headway: The table has no column {column!r}, which the model reads.\n"
            "  Given: days.csv, columns: review, feeling\n"
            f"  Fix:   Name it: --input COLUMN. {hint}\n",
        )
    assert headway("evaluate", bundle, "days.csv", "--input", "review", "--target", "feeling").status == 0
