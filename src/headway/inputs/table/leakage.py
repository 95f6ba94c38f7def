"""Signs that a table gives the answer away: columns that predict it alone.

A model with such help is good in every test and useless afterwards, since the help is missing when the answer is not
known yet (Kaufman, Rosset and Perlich 2012, "Leakage in data mining").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from headway.as_json import as_json
from headway.inputs.table.column_values import (
    ColumnValues,
    check_targets,
    column_values,
    draw,
)
from headway.judge.baselines.skill import as_outputs, explained_share
from headway.judge.diagnosis.finding import Finding, Severity, without_columns
from headway.judge.intervals import Estimate
from headway.seeds import generator

__all__ = ["ColumnSkill", "column_skills", "find_leaks"]

# Share of the targets' variance that one column explains alone. Honest columns seldom do, though one number often
# nearly determines another: of numbers the first is a warning only.
TELLS, TELLS_ALL = 0.8, 0.95
# From here on a column is told where all other columns together explain less than half as much.
SUDDEN = 0.5
# From here on it is where all other columns together explain less.
MUCH = 0.65
_FOLDS = 5
_NUM_ITEMS = 10_000
_IDS = 0.95
_LEAVES, _SMALLEST = 64, 5
_TREES = 20
_SHOWN = 8
_OWN_DRAWS = 5 << 32


@dataclass(frozen=True)
class ColumnSkill:
    """How well one column predicts the target alone.

    Attributes:
        skill: The share of the targets' variance that it explains in rows it was not fitted on: 0 is no better than the
            mean or the classes' shares, 1 is all. For classes it is Brier's skill score.
        is_id: Whether nearly all of its values differ, as those of ids and names do.
    """

    column: str
    skill: Estimate
    is_id: bool


def column_skills(items: pl.DataFrame, targets: np.ndarray, *, seed: int = 0) -> list[ColumnSkill]:
    """How well each column predicts the target alone, on five folds, the best first.

    Of a number a small regression tree (missing values are one of its branches) or a straight line, of a category the
    mean target of each, drawn towards the mean of all. Targets are class indices `[items]`, or numbers
    `[items, outputs]`. Of more than 10,000 items, so many are drawn.

    Example:
        >>> items = pl.DataFrame({"age": list(range(50)), "group": ["young"] * 25 + ["old"] * 25})
        >>> [best, *_] = column_skills(items, np.repeat([0, 1], 25))
        >>> best.column, round(best.skill.value, 1)
        ('group', 1.0)

    Source:
        Brier 1950, "Verification of forecasts expressed in terms of probability".
    """
    columns, outputs = _drawn(items, targets, seed)
    skills = []
    for column in columns:
        present = column.values[~column.missing]
        # A measured number differs in every row, too; ids are whole, or names, which are numbered here.
        is_whole = bool((present == np.round(present)).all())
        is_id = len(present) > _FOLDS and column.share_distinct >= _IDS and is_whole
        models = _models(is_category=column.labels is not None and not column.is_names)
        skill = explained_share(models, column.in_order()[:, None], outputs, seed=seed)
        skills.append(ColumnSkill(column.name, skill, is_id))
    return sorted(skills, key=lambda column: -column.skill.value)


def find_leaks(items: pl.DataFrame, targets: np.ndarray, *, seed: int = 0) -> list[Finding]:
    """Columns that predict the target alone, or nearly: a finding for those that surely do, and one for the others.

    Args:
        items: Training rows, with the columns to look at.
        targets: Class indices `[items]`, or numbers `[items, outputs]`.
        seed: The run's seed.

    Example:
        >>> items = pl.DataFrame({"size": [1.0, 2.0, 3.0, 4.0, 5.0] * 10, "after": ["no", "yes"] * 25})
        >>> [finding] = find_leaks(items, np.array([0, 1] * 25))
        >>> finding.severity, finding.evidence["columns"]
        ('serious', ['after'])
    """
    skills = column_skills(items, targets, seed=seed)
    suspects = [column for column in skills if column.skill.low >= SUDDEN]
    if not suspects:
        return []
    # One leak makes an honest column look weak, so it is compared with those that nobody suspects.
    others = [column.column for column in skills if column not in suspects]
    together = _skill_together(items.select(others), targets, seed) if others else None
    most = together.high if together else 0.0
    by_severity: dict[Severity, list[ColumnSkill]] = {}
    for column in suspects:
        # Of numbers one often nearly determines another honestly, so they are surely a leak from a higher share on.
        if column.skill.low >= (TELLS if targets.ndim == 1 else TELLS_ALL):
            by_severity.setdefault("serious", []).append(column)
        elif column.skill.low >= TELLS or most < column.skill.low / (1 if column.skill.low >= MUCH else 2):
            by_severity.setdefault("warning", []).append(column)
    return [_finding(columns, together, severity) for severity, columns in by_severity.items()]


def _finding(columns: Sequence[ColumnSkill], others: Estimate | None, severity: Severity) -> Finding:
    """One finding of all suspected columns of a severity, the one that tells most first."""
    skills = {column.column: column.skill for column in columns}
    shares = [f"{skill.value:.0%} [{skill.low:.0%}, {min(skill.high, 1):.0%}]" for skill in skills.values()]
    named = [f"{name!r} {share}" for name, share in zip(skills, shares, strict=True)]
    named = named[:_SHOWN] + ([f"{len(named) - _SHOWN} more columns"] if len(named) > _SHOWN else [])
    sentence = f"Column {columns[0].column!r} alone explains {shares[0]}"
    if len(columns) > 1:
        sentence = f"Each of these columns alone explains much: {', '.join(named[:-1])} and {named[-1]}"
    sentence += " of the target's variance in rows it was not fitted on"
    if others is not None:
        sentence += f"; all columns that are not suspected explain {max(others.value, 0):.0%} together"
    sentence += "."
    ids = [column.column for column in columns if column.is_id]
    order = "in whose order the rows are by their target"
    if ids and len(columns) == 1:
        sentence += f" Nearly all of its values differ: it looks like an id, {order}."
    elif ids:
        sentence += f" Ids, by the look of them, {order}: {_listed(ids)}."
    names, (is_, it) = _listed(list(skills)), ("is", "it") if len(skills) == 1 else ("are", "each of them")
    remedies = (
        f"ask whether {names} {is_} known at the time when the answer is wanted, and how {it} came about",
        f"train without {names}, and compare",
        *(("shuffle ids, or leave them out",) if ids else ()),
    )
    evidence = as_json({"columns": list(skills), "skills": skills, "rest": others})
    return Finding("leak", severity, sentence, evidence, remedies, without_columns(list(skills)))


def _listed(columns: Sequence[str]) -> str:
    names = ", ".join(map(repr, columns[:_SHOWN]))
    return names + (f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else "")


def _drawn(items: pl.DataFrame, targets: np.ndarray, seed: int) -> tuple[list[ColumnValues], np.ndarray]:
    """The columns of some items, and their targets as numbers, float64 `[items, outputs]`."""
    check_targets(items, targets)
    rows = draw(generator(seed, "bootstrap", epoch=_OWN_DRAWS), len(items), _NUM_ITEMS)
    return column_values(items[rows]), as_outputs(targets[rows])


def _models(*, is_category: bool) -> list[Any]:
    """What predicts the target by one column: of numbers a tree, and a straight line where a tree wants many leaves."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder
    from sklearn.tree import DecisionTreeRegressor

    if is_category:
        # The mean of each category, as if one more item had been seen with the mean of all.
        return [make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge(alpha=1.0))]
    tree = DecisionTreeRegressor(max_leaf_nodes=_LEAVES, min_samples_leaf=_SMALLEST, random_state=0)
    return [tree, make_pipeline(SimpleImputer(keep_empty_features=True), LinearRegression())]


def _skill_together(items: pl.DataFrame, targets: np.ndarray, seed: int) -> Estimate:
    """What a random forest makes of several columns."""
    from sklearn.ensemble import RandomForestRegressor

    columns, outputs = _drawn(items, targets, seed)
    forest = RandomForestRegressor(_TREES, min_samples_leaf=_SMALLEST, max_features=0.5, random_state=0)
    return explained_share([forest], np.stack([column.values for column in columns], axis=1), outputs, seed=seed)
