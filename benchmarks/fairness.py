"""Are rates and gaps of groups fairlearn's, to the last digit, and how often do their intervals hold the truth?

Decisions on COMPAS (by a score of 5 or more, of people by race and sex) and on adult (by a degree, by sex and race) are
judged by Headway and by fairlearn's `MetricFrame`, for single columns and for intersections; groups in which fewer
than 30 count are left out, for which Headway shows nothing. The table says how many figures were compared, and the
largest difference. Then people are drawn again and again from known rates: of the intervals of a group's rate, which
hold for each group alone, and of the largest difference, the table says how many hold the truth, with the standard
error of the simulation. 95 % is nominal for both; that of the largest difference holds together for all pairs of
groups, and so more often where they differ. Where all have the same rate, a gap is called in at most 5 %; in the other
rows that share is the power.
`python -m benchmarks.fairness --repetitions 100` is a small size, in under a minute.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.results import Row, data_folder, tables
from headway.judge.fairness.gaps import measure_gap
from headway.judge.fairness.measures import Measure, estimates
from headway.judge.fairness.report import FairnessReport, judge_fairness
from headway.targets.category.metrics import METRICS

_SEED = 20261127
_LABELS = ("no", "yes")
_FILES = {"COMPAS": ("compas", "compas-scores-two-years_deidentified.csv"), "adult": ("adult", "adult.csv")}
# Rates of groups, by what the truth is called, and the people in each group.
_RATES = {"equal": (0.3, 0.3, 0.3), "10 points apart": (0.3, 0.35, 0.4), "rare": (0.02, 0.05, 0.1)}
_SIZES = (50, 200, 1_000)


def run(repetitions: int = 2_000) -> list[Row]:
    """The figures beside fairlearn's, then the coverage by simulation, with so many draws a cell."""
    return [*compared_rows(), *coverage_rows(repetitions)]


def compared_rows() -> Iterator[Row]:
    """How many figures are fairlearn's, and how far the one is off that is farthest; none without data or fairlearn."""
    for name, (folder, file) in _FILES.items():
        path = data_folder(folder)
        if path is not None and find_spec("fairlearn"):
            yield _compared(name, pl.read_csv(path / file, infer_schema_length=None).rename(str.strip))


def _compared(name: str, people: pl.DataFrame) -> Row:
    people = people.with_columns(pl.col(pl.String).str.strip_chars()).drop_nulls(["race", "sex"])
    given, positive = _decisions(name, people)
    table = people.select("race", "sex")
    probabilities = np.eye(2)[given.astype(int)]
    options = {"columns": ["race", "sex"], "metrics": METRICS, "labels": _LABELS}
    report = judge_fairness(probabilities, positive.astype(int), table, **options)
    differences = [
        abs(own - theirs)
        for columns in (["race"], ["sex"], ["race", "sex"])
        for own, theirs in _pairs(report, columns, given, positive, table)
    ]
    return {"people": name, "figures": len(differences), "largest difference": f"{np.max(differences):.1e}"}


def _decisions(name: str, people: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Who is given the class and who is of it, bool `[people]`."""
    if name == "COMPAS":
        return (people["decile_score"] >= 5).to_numpy(), (people["two_year_recid"] == 1).to_numpy()
    return (people["education-num"].cast(pl.Int64) >= 13).to_numpy(), people["Salary"].str.contains(">50K").to_numpy()


def _pairs(
    report: FairnessReport, columns: list[str], given: np.ndarray, positive: np.ndarray, table: pl.DataFrame
) -> Iterator[tuple[float, float]]:
    """Headway's figure and fairlearn's, of each group's rates and of each gap of which all groups are shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fairlearn import metrics as fairlearn

    measures = {
        name: getattr(fairlearn, name) for name in ("selection_rate", "true_positive_rate", "false_positive_rate")
    }
    theirs = fairlearn.MetricFrame(
        metrics=measures,
        y_true=positive,
        y_pred=given,
        sensitive_features=pd.DataFrame({column: table[column].to_list() for column in columns}),
    )
    by_group: Any = theirs.by_group
    shown: dict[str, list[tuple]] = {name: [] for name in measures}
    for group in report.groups:
        if list(group.where) != columns:
            continue
        key = tuple(group.where.values())
        for name in measures:
            rate = group.rates[name]
            if not math.isnan(rate.value):
                shown[name].append(key)
                yield rate.value, float(by_group[name].loc[key if columns[1:] else key[0]])
    for gap in report.gaps:
        if list(gap.columns) == columns and gap.measure in measures:
            values = by_group[gap.measure].loc[[key if columns[1:] else key[0] for key in shown[gap.measure]]]
            yield gap.difference.value, float(values.max() - values.min())
            yield gap.ratio.value, float(values.min() / values.max())


def coverage_rows(repetitions: int) -> Iterator[Row]:
    """How often the intervals of a rate and of the largest difference hold the truth, by the size of the groups."""
    for truth, rates in _RATES.items():
        for size in _SIZES:
            held = _held(rates, size, repetitions)
            yield {"truth": truth, "people a group": size} | {name: _share(values) for name, values in held.items()}


def _held(rates: tuple[float, ...], size: int, repetitions: int) -> Mapping[str, np.ndarray]:
    index, names = np.repeat(np.arange(len(rates)), size), [f"group {number}" for number in range(len(rates))]
    held: dict[str, list[bool]] = {"rate": [], "largest difference": [], "called a gap": []}
    gap_of_truth = max(rates) - min(rates)
    for step in range(repetitions):
        draw = np.random.default_rng((_SEED, step, size)).random(len(index))
        measure = Measure("selection_rate", (draw < np.array(rates)[index]).astype(float), np.ones(len(index), bool))
        shown, _ = estimates(measure, index, len(rates))
        held["rate"] += [one.low <= rate <= one.high for one, rate in zip(shown, rates, strict=True) if one is not None]
        gap = measure_gap(measure, index, names, columns=("group",), label="yes")
        held["largest difference"].append(gap.difference.low <= gap_of_truth <= gap.difference.high)
        held["called a gap"].append(gap.verdict == "differ")
    return {name: np.array(values) for name, values in held.items()}


def _share(held: np.ndarray) -> str:
    share = held.mean()
    return f"{100 * share:.1f} ± {100 * np.sqrt(share * (1 - share) / len(held)):.1f} %"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=2_000)
    print("\n".join(tables(run(parser.parse_args().repetitions))))
