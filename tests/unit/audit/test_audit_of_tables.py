"""A table with a fault of each sort, and one without: what an audit says of both."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import headway as hw
from headway.audit.audit import Audit
from headway.cli import app
from headway.errors import ConfigError

NUM_ROWS = 240


def clean_table(seed: int = 0) -> pl.DataFrame:
    """Rows of three numbers, of which two say the answer with some noise."""
    draw = np.random.default_rng(seed)
    numbers = draw.normal(size=(NUM_ROWS, 3)).round(6)
    answer = numbers[:, 0] + numbers[:, 1] + 0.1 * draw.normal(size=NUM_ROWS) > 0
    columns = dict(zip("abc", numbers.T, strict=True))
    return pl.DataFrame({**columns, "answer": np.where(answer, "yes", "no")})


@pytest.fixture(scope="module")
def faulty() -> Audit:
    draw = np.random.default_rng(1)
    table = clean_table()
    is_yes = (table["answer"] == "yes").to_numpy()
    patient = np.where(is_yes, 100, 200) + draw.integers(0, 30, NUM_ROWS)
    table = table.with_columns(
        pl.Series("code", np.where(is_yes, "y", "n")),
        pl.Series("patient_id", [f"p{number}" for number in patient]),
        pl.Series("same", ["x"] * NUM_ROWS),
        pl.Series("note", [f"ask {number}@example.org" if number % 3 == 0 else "none" for number in range(NUM_ROWS)]),
        pl.Series(
            "blood", np.where(is_yes & (draw.random(NUM_ROWS) < 0.9), np.nan, draw.normal(size=NUM_ROWS))
        ).fill_nan(None),
        (pl.col("a") * 2.5).alias("a_in_other_units"),
    )
    return hw.from_items(table, target="answer").audit(name="faulty")


@pytest.mark.slow
def test_each_fault_is_found(faulty: Audit) -> None:
    kinds = {finding.kind for finding in faulty.findings}
    assert {"leak", "straddling_groups", "shortcut", "useless_columns", "personal_data"} <= kinds
    leaks = [finding.evidence["columns"] for finding in faulty.of("Leaks") if "columns" in finding.evidence]
    assert ["code"] in [names[:1] for names in leaks]
    [groups] = [finding for finding in faulty.findings if finding.kind == "straddling_groups"]
    assert groups.severity == "warning"
    assert groups.line is not None
    assert groups.line.python == "data = data.rebuild(split=hw.GroupSplit('patient_id'))"
    [shortcut] = [finding for finding in faulty.findings if finding.kind == "shortcut"]
    assert shortcut.evidence["from"] == "which values are missing"
    [useless] = [finding for finding in faulty.findings if finding.kind == "useless_columns"]
    assert useless.evidence["columns"].keys() >= {"same", "a_in_other_units"}


@pytest.mark.slow
def test_personal_data_are_counted_and_never_shown(faulty: Audit, tmp_path: Path) -> None:
    [personal] = [finding for finding in faulty.findings if finding.kind == "personal_data"]
    assert personal.sentence == "Column 'note' has what looks like personal data: email addresses in 80 of 240 rows."
    for path in (tmp_path / "audit.html", tmp_path / "audit.json"):
        assert "3@example.org" not in faulty.save(path).read_text()


@pytest.mark.slow
def test_a_clean_table_has_no_warning() -> None:
    audit = hw.from_items(clean_table(), target="answer").audit()
    assert [finding.kind for finding in audit.findings if finding.severity != "note"] == []
    assert str(audit).startswith("No problems found.")


@pytest.mark.slow
def test_an_audit_is_saved_as_a_page_and_as_json(faulty: Audit, tmp_path: Path) -> None:
    page = faulty.save(tmp_path / "audit.html").read_text()
    assert "Do not train on these data yet" in page
    assert "<script" not in page
    written = json.loads(faulty.save(tmp_path / "audit.json").read_text())
    assert written["schema_version"] == 1
    assert written["findings"][0]["why"]
    with pytest.raises(ConfigError) as error:
        faulty.save(tmp_path / "audit.txt")
    assert str(error.value) == (
        "An audit is saved as JSON or as HTML, by the path's ending.\n"
        f"  Given: {tmp_path / 'audit.txt'}\n"
        "  Fix:   End the path in .json or .html."
    )


@pytest.mark.slow
def test_labels_that_are_written_in_two_ways_are_one_class() -> None:
    table = clean_table()
    answers = [answer.upper() if row % 5 == 0 else answer for row, answer in enumerate(table["answer"])]
    audit = hw.from_items(table.with_columns(pl.Series("answer", answers)), target="answer").audit()
    pairs = [finding.evidence["labels"] for finding in audit.findings if finding.kind == "one_class"]
    # By their spelling, and because nothing separates them.
    assert [["NO", "no"], ["YES", "yes"]] in [sorted(map(sorted, labels)) for labels in pairs]


@pytest.mark.slow
def test_the_command_writes_page_and_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clean_table().write_csv(tmp_path / "people.csv")
    done = CliRunner().invoke(app, ["audit", "people.csv", "--target", "answer"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "No problems found." in done.stdout
    page, sheet = done.stdout.splitlines()[-2:]
    assert page == "audit: audits/people/audit.html"
    assert sheet == "data sheet, with blanks to fill: audits/people/sheet.md"
    assert json.loads((tmp_path / "audits" / "people" / "audit.json").read_text())["name"] == "people"
