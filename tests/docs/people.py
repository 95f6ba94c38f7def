"""The tables of people that docs/fairness.md reads: real ones where they are, else drawn ones with their columns."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

SHARED = Path(__file__).parents[3] / "shared" / "data"
COMPAS = SHARED / "compas" / "compas-scores-two-years_deidentified.csv"
ADULT = SHARED / "adult" / "adult.csv"
# Of adult, which has 32,561: enough for a document's block.
_NUM_ROWS = 1200


def write_people(folder: Path) -> None:
    """`compas.csv` and `adult.csv`."""
    draw = np.random.default_rng(0)
    if COMPAS.is_file():
        (folder / "compas.csv").symlink_to(COMPAS)
    else:
        _drawn_scores(draw).write_csv(folder / "compas.csv")
    if ADULT.is_file():
        with ADULT.open() as lines:
            text = "".join(itertools.islice(lines, _NUM_ROWS + 1))
        (folder / "adult.csv").write_text(text.replace(", ", ","))
    else:
        _drawn_incomes(draw).write_csv(folder / "adult.csv")


def _drawn_scores(draw: np.random.Generator) -> pl.DataFrame:
    # Not imported above: conftest.py imports this file for every test.
    import polars as pl

    race, arrested = draw.integers(2, size=2000), draw.integers(2, size=2000)
    return pl.DataFrame(
        {
            "race": np.array(["Caucasian", "African-American"])[race],
            "sex": draw.choice(["Male", "Female"], 2000),
            "decile_score": (draw.integers(1, 8, size=2000) + 2 * arrested + race).clip(1, 10),
            "days_b_screening_arrest": np.zeros(2000, dtype=int),
            "is_recid": arrested,
            "c_charge_degree": ["F"] * 2000,
            "score_text": ["Low"] * 2000,
            "two_year_recid": arrested,
        }
    )


def _drawn_incomes(draw: np.random.Generator) -> pl.DataFrame:
    import polars as pl

    sex, school = draw.integers(2, size=2000), draw.integers(6, 17, size=2000)
    is_rich = draw.random(2000) < (school + 6 * sex) / 30
    relationship = np.where(draw.random(2000) < 0.8, sex, 1 - sex)
    return pl.DataFrame(
        {
            "age": draw.integers(18, 80, size=2000),
            "education-num": school,
            "relationship": np.array(["Wife", "Husband"])[relationship],
            "race": draw.choice(["White", "Black"], 2000),
            "sex": np.array(["Female", "Male"])[sex],
            "Salary": np.where(is_rich, ">50K", "<=50K"),
        }
    )
