"""Rows in the browser: the same numbers, indices and notes as in Python."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from headway.inputs.table import field as table
from headway.inputs.table.field import Table

WEB = Path(table.__file__).with_name("web")

READ = """
import { readFileSync } from "node:fs";
import { look } from "./read.js";
const field = JSON.parse(readFileSync("field.json"));
const rows = JSON.parse(readFileSync("rows.json"));
const read = async (row) => {
  try {
    const { data, ...others } = await look(row, field);
    return { data: [...data], ...others };
  } catch (error) {
    return { error: error.message };
  }
};
process.stdout.write(JSON.stringify(await Promise.all(rows.map(read))));
"""


def people(count: int = 300) -> pl.DataFrame:
    draw = np.random.default_rng(0)
    ages = [None if number % 9 == 0 else float(age) for number, age in enumerate(draw.normal(40, 12, count))]
    return pl.DataFrame(
        {
            "age": ages,
            "income": draw.lognormal(9, 1, count),
            "job": draw.choice(["cook", "smith", "d\u00e9j\u00e0 vu", "3"], count),
            "smokes": [("yes", "no", None)[index] for index in draw.integers(0, 3, count)],
            "joined": [date(2020, 1, 1) + timedelta(days=int(days)) for days in draw.integers(0, 900, count)],
            "seen": [datetime(2024, 2, 1) + timedelta(minutes=int(late)) for late in draw.integers(0, 90_000, count)],
        }
    )


FIELD = Table(continuous=["age", "income"], categorical=["job", "smokes"], dates=["joined", "seen"])


def read_in_node(folder: Path, field: Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    shutil.copytree(WEB, folder / "web")
    files = {"package.json": {"type": "module"}, "rows.json": rows}
    files["field.json"] = {**field.to_json(), "facts": field.browser_facts()}
    for name, values in files.items():
        (folder / "web" / name).write_text(json.dumps(values, allow_nan=False))
    (folder / "web" / "main.js").write_text(READ)
    done = subprocess.run([node, "main.js"], cwd=folder / "web", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_browser_reads_rows_as_python_does(tmp_path: Path) -> None:
    field = FIELD.fit(people())
    draw = np.random.default_rng(1)
    choices = {
        "age": [None, 3, 41.5, -1e9, 1e20, 0, 1e-7, 123456.789],
        "income": [None, 100, 9000.25, 3e38, 1e6],
        "job": [
            None,
            " cook",
            "de\u0301ja\u0300 vu",
            "3.00",
            "3",
            "it's",
            'say "it\'s"',
            "x" * 60,
            "?",
            "",
            "\ufeffcook",
        ],
        "smokes": [None, "yes", "no", "TRUE", "perhaps", "\x85no\x1c"],
        "joined": [None, "2020-02-29", "1900-01-01", "0099-12-31", "2021-06-05T23:59:59.999999+01:30", "9999-12-31"],
        "seen": [None, "2024-02-20T13:45", "2024-03-01 07:15:30.5", "2024-02-29T23:30:00Z", "2031-01-01"],
    }
    rows = [{name: values[draw.integers(len(values))] for name, values in choices.items()} for _ in range(300)]
    arrays = []
    for row, answer in zip(rows, read_in_node(tmp_path, field, rows), strict=True):
        array, notes = field.read_noted(row)
        np.testing.assert_allclose(answer["data"], array, rtol=1e-6, atol=1e-7, err_msg=str(row))
        assert answer["notes"] == list(notes)
        arrays.append((array, answer["isFar"]))
    is_far = field.is_far(np.stack([array for array, _ in arrays]))
    assert is_far.tolist() == [far for _, far in arrays]
    assert 0 < is_far.sum() < len(rows)


def test_what_the_server_refuses_is_refused(tmp_path: Path) -> None:
    field = FIELD.fit(people())
    wrong = {
        'The column "age" must be a number, not text.': {"age": "old"},
        'The column "income" must be a number of at most 3.403e+38.': {"income": 1e39},
        'The column "seen" must be a date such as 2026-05-31 or 2026-05-31T14:30:00.': {"seen": "2026-02-29"},
    }
    answers = read_in_node(tmp_path, field, list(wrong.values()))
    assert [answer["error"] for answer in answers] == list(wrong)
