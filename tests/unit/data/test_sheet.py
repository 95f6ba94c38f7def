"""A data sheet counts what a program can count, and leaves blank what only a person knows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

import headway as hw
from headway.data.sheet import BLANK
from headway.errors import ConfigError
from headway.learner.export import _sheet


@pytest.fixture(scope="module")
def loans() -> hw.Data:
    sexes = [None if n == 7 else "fm"[n % 3 == 0] for n in range(60)]
    columns = {"age": [20 + n % 40 for n in range(60)], "sex": sexes, "repaid": ["no", "yes"] * 30}
    return hw.from_items(pl.DataFrame(columns), target="repaid")


def test_what_can_be_counted(loans: hw.Data) -> None:
    text = loans.sheet(["sex"])
    assert "- Items: 60 (48 train, 12 valid); what goes in: Table of 2 columns\n" in text
    assert "- Label: repaid, 2 classes: no 30, yes 30\n" in text
    assert "- Columns: age, sex (1 missing), repaid\n" in text
    assert "- By sex: f 39 (65.0%), m 20 (33.3%), (missing) 1 (1.7%)\n" in text
    assert f"- Fingerprint: {loans.fingerprint}\n" in text


def test_nothing_is_invented(loans: hw.Data) -> None:
    blanks = [line for line in loans.sheet().splitlines() if line.endswith(f": {BLANK}")]
    assert len(blanks) == 12
    for word in ("Licence", "agreed"[:5], "Where the data come from", "who is missing", "Groups of people were not"):
        assert any(word in line for line in blanks)


def test_a_label_cannot_forge_a_line() -> None:
    rows = [{"x": n % 7, "y": "a\n## Licence" if n % 2 else "b"} for n in range(40)]
    assert "\n## Licence\n" not in hw.from_items(pl.DataFrame(rows), target="y").sheet()


def test_a_column_that_is_not_there(loans: hw.Data) -> None:
    with pytest.raises(ConfigError) as error:
        loans.sheet(["sexx"])
    assert str(error.value) == (
        "The items have no such column.\n  Given: column 'sexx'\n  Fix:   Did you mean \"sex\"?"
    )


def test_a_sheet_that_somebody_filled_in(loans: hw.Data, tmp_path: Path) -> None:
    setup: Any = SimpleNamespace(data=loans)
    report: Any = SimpleNamespace(fairness=SimpleNamespace(columns=("sex",)))
    file = tmp_path / "sheet.md"
    file.write_text("# Data sheet\n\n- Licence: CC0\n")
    assert _sheet(setup, report, file) == "# Data sheet\n\n- Licence: CC0\n"
    assert _sheet(setup, report, None) == loans.sheet(["sex"])
    with pytest.raises(ConfigError) as error:
        _sheet(setup, report, tmp_path / "none.md")
    assert str(error.value) == (
        "The data sheet cannot be read.\n"
        f"  Given: {tmp_path / 'none.md'}: [Errno 2] No such file or directory: '{tmp_path / 'none.md'}'\n"
        "  Fix:   Pass a text file, such as the sheet.md of `headway audit`."
    )
