"""Signs that a table gives the answer away: a column that predicts it alone, rows that are on both sides of the split.

A model with such help is good in every test and useless afterwards, since the help is missing when the answer is not
known yet (Kaufman, Rosset and Perlich 2012, "Leakage in data mining").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from headway.errors import ShapeError
from headway.inputs.table.column_values import ColumnValues, column_values, draw
from headway.judge.diagnosis.finding import Finding, Severity
from headway.judge.intervals import Estimate, mean, wilson
from headway.seeds import generator

__all__ = ["ColumnSkill", "column_skills", "find_copies", "find_leaks"]

# Share of the targets' variance that one column explains alone. Honest columns seldom do, though one number often
# nearly determines another: of numbers the first is a warning only.
TELLS, TELLS_ALL = 0.8, 0.95
# From here on a column is told where all other columns together explain less than half as much.
SUDDEN = 0.5
# Share of the rows of valid or test that are in train too, from which on they change what is measured.
MANY_COPIES = 0.01
# Of equal rows' agreement on the target, what chance leaves room for. Those that are equal by accident agree less.
AGREE = 0.8
_FOLDS = 5
_NUM_ITEMS = 10_000
# Text of which more values than this differ is no category, but names or ids; their order is looked at.
_NAMES = 0.5
_IDS = 0.95
_LEAVES, _SMALLEST = 64, 5
_TREES = 20
_SHOWN = 8
_OWN_DRAWS = 5 << 32


@dataclass(frozen=True)
class ColumnSkill:
    """How well one column predicts the target alone.

    Attributes:
        column: The column.
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
    mean target of each, drawn towards the mean of all.

    Args:
        items: Training rows, with the columns to look at.
        targets: Class indices `[items]`, or numbers `[items, outputs]`.
        seed: The run's seed. Of more than 10,000 items, so many are drawn.

    Raises:
        ShapeError: If items and targets are not of the same number.

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
        share_distinct = len(np.unique(present)) / max(len(present), 1)
        is_id = len(present) > _FOLDS and share_distinct >= _IDS and (column.labels is not None or _is_whole(present))
        values = _in_order(column) if column.labels is not None and share_distinct >= _NAMES else column
        models = _models_of_numbers() if values.labels is None else _models_of_categories()
        skills.append(ColumnSkill(column.name, _skill(models, values.values[:, None], outputs, seed), is_id))
    return sorted(skills, key=lambda column: -column.skill.value)


def find_leaks(items: pl.DataFrame, targets: np.ndarray, *, seed: int = 0) -> list[Finding]:
    """Columns that predict the target alone, or nearly: a finding for those that surely do, and one for the others.

    Args:
        items: Training rows, with the columns to look at.
        targets: Class indices `[items]`, or numbers `[items, outputs]`.
        seed: The run's seed.

    Raises:
        ShapeError: If items and targets are not of the same number.

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
    others = [column.column for column in skills if column not in suspects]
    rest = _skill_together(items.select(others), targets, seed) if others else None
    by_severity: dict[Severity, list[ColumnSkill]] = {}
    for column in suspects:
        severity = _severity(column.skill, rest.high if rest else 0.0, is_classes=targets.ndim == 1)
        if severity:
            by_severity.setdefault(severity, []).append(column)
    return [_finding(columns, rest, severity) for severity, columns in by_severity.items()]


def find_copies(
    train: pl.DataFrame, targets: np.ndarray, other: pl.DataFrame, other_targets: np.ndarray, *, part: str = "valid"
) -> list[Finding]:
    """Rows of another part that are in train too, with the same values in all columns.

    Args:
        train: Training rows, the columns that go into the model.
        targets: Their targets.
        other: Rows that the model is judged on, the same columns.
        other_targets: Their targets.
        part: What the other rows are called.

    Example:
        >>> train, sick = pl.DataFrame({"age": list(range(200))}), np.array([0, 1] * 100)
        >>> [finding] = find_copies(train, sick, train.head(100), sick[:100])
        >>> finding.severity, finding.evidence["num_copies"]
        ('serious', 100)
    """
    hashes, other_hashes = (frame.hash_rows(seed=0).to_numpy() for frame in (train, other))
    copies = np.flatnonzero(np.isin(other_hashes, hashes))
    if not len(copies):
        return []
    num_copies, share = len(copies), wilson(len(copies), len(other))
    original = dict(zip(hashes.tolist(), range(len(train)), strict=True))
    originals = [original[row] for row in other_hashes[copies].tolist()]
    is_same = (other_targets[copies] == targets[originals]).reshape(num_copies, -1).all(axis=1)
    agreement = wilson(int(is_same.sum()), num_copies)
    by_chance = float(((np.unique(targets, axis=0, return_counts=True)[1] / len(train)) ** 2).sum())
    if share.low < MANY_COPIES or agreement.value - by_chance < AGREE * (1 - by_chance):
        severity: Severity = "note"
    else:
        severity = "serious" if share.low >= 10 * MANY_COPIES else "warning"
    sentence = (
        f"{num_copies:,} of {len(other):,} rows of {part} ({share.value:.1%}) have the same values in all columns "
        f"as a training row; the target is the same in {agreement.value:.1%} of them."
    )
    evidence = {"share": share.to_json(), "num_copies": num_copies, "agreement": agreement.to_json(), "part": part}
    remedies = (
        "look whether rows were recorded twice, and keep one of each",
        "split by what belongs together (customer, patient, day)",
        "with few columns of few values, equal rows are no copies: nothing is wrong then",
    )
    return [Finding("leak", severity, sentence, evidence, remedies)]


def _severity(skill: Estimate, rest: float, *, is_classes: bool) -> Severity | None:
    if skill.low >= TELLS_ALL or (is_classes and skill.low >= TELLS):
        return "serious"
    return "warning" if skill.low >= TELLS or rest < skill.low / 2 else None


def _finding(columns: Sequence[ColumnSkill], rest: Estimate | None, severity: Severity) -> Finding:
    """One finding of all suspected columns of a severity, the one that tells most first."""
    skills = {column.column: column.skill for column in columns}
    if len(columns) == 1:
        [(name, skill)] = skills.items()
        sentence = f"Column {name!r} alone explains {_percent(skill)}"
    else:
        listed = [f"{name!r} {_percent(skill)}" for name, skill in skills.items()][:_SHOWN]
        listed += [f"{len(skills) - _SHOWN} more columns"] if len(skills) > _SHOWN else []
        sentence = f"Each of these columns alone explains much: {', '.join(listed[:-1])} and {listed[-1]}"
    sentence += " of the target's variance in rows it was not fitted on"
    if rest is not None:
        sentence += f"; all columns that are not suspected explain {max(rest.value, 0):.0%} together"
    ids = [column.column for column in columns if column.is_id]
    sentence += "."
    if ids and len(columns) == 1:
        sentence += (
            " Nearly all of its values differ: it looks like an id, in whose order the rows are by their target."
        )
    elif ids:
        sentence += f" Ids, by the look of them, in whose order the rows are by their target: {_listed(ids)}."
    names, (is_, it) = _listed(list(skills)), ("is", "it") if len(skills) == 1 else ("are", "each of them")
    remedies = (
        f"ask whether {names} {is_} known at the time when the answer is wanted, and how {it} came about",
        f"train without {names}, and compare",
        *(("shuffle ids, or leave them out",) if ids else ()),
    )
    evidence = {
        "columns": list(skills),
        "skills": {name: skill.to_json() for name, skill in skills.items()},
        "rest": None if rest is None else rest.to_json(),
    }
    return Finding("leak", severity, sentence, evidence, remedies)


def _percent(skill: Estimate) -> str:
    return f"{skill.value:.0%} [{skill.low:.0%}, {min(skill.high, 1):.0%}]"


def _listed(columns: Sequence[str]) -> str:
    names = ", ".join(map(repr, columns[:_SHOWN]))
    return names + (f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else "")


def _drawn(items: pl.DataFrame, targets: np.ndarray, seed: int) -> tuple[list[ColumnValues], np.ndarray]:
    """The columns of some items, and their targets as numbers, float64 `[items, outputs]`.

    Of a class 1 where it is, of a number standard deviations.
    """
    if len(items) != len(targets):
        given = f"{len(items)} items, {len(targets)} targets"
        raise ShapeError("Every item needs a target.", given=given, fix="Pass both of the same part.")
    rows = draw(generator(seed, "bootstrap", epoch=_OWN_DRAWS), len(items), _NUM_ITEMS)
    targets = targets[rows]
    if targets.ndim == 1:
        return column_values(items[rows]), np.eye(int(targets.max()) + 1)[targets]
    spread = targets.std(axis=0, dtype=np.float64)
    return column_values(items[rows]), (targets - targets.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def _in_order(column: ColumnValues) -> ColumnValues:
    """Names and ids as their ranks, numbers within the text counting as numbers."""
    keys = [
        [(not piece.isdigit(), int(piece) if piece.isdigit() else piece) for piece in re.split(r"(\d+)", label)]
        for label in column.labels or ()
    ]
    ranks = np.empty(len(keys))
    ranks[sorted(range(len(keys)), key=lambda index: keys[index])] = np.arange(len(keys))
    values = column.values.copy()
    values[~column.missing] = ranks[column.values[~column.missing].astype(np.int64)]
    return ColumnValues(name=column.name, values=values)


def _is_whole(values: np.ndarray) -> bool:
    return bool((values == np.round(values)).all())


def _models_of_numbers() -> list[Any]:
    """A tree, and a straight line for where a tree would need many leaves; the mean where the number is missing."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(max_leaf_nodes=_LEAVES, min_samples_leaf=_SMALLEST, random_state=0)
    return [tree, make_pipeline(SimpleImputer(keep_empty_features=True), LinearRegression())]


def _models_of_categories() -> list[Any]:
    """The mean of each category, as if one more item had been seen with the mean of all."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    return [make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge(alpha=1.0))]


def _skill_together(items: pl.DataFrame, targets: np.ndarray, seed: int) -> Estimate:
    """What a random forest makes of several columns."""
    from sklearn.ensemble import RandomForestRegressor

    columns, outputs = _drawn(items, targets, seed)
    forest = RandomForestRegressor(_TREES, min_samples_leaf=_SMALLEST, max_features=0.5, random_state=0)
    return _skill([forest], np.stack([column.values for column in columns], axis=1), outputs, seed)


def _skill(models: Sequence[Any], inputs: np.ndarray, outputs: np.ndarray, seed: int) -> Estimate:
    """The largest share of the outputs' variance that one of the models explains, each predicting folds unseen."""
    from sklearn.dummy import DummyRegressor
    from sklearn.model_selection import KFold, cross_val_predict

    folds = KFold(min(_FOLDS, len(outputs)), shuffle=True, random_state=seed % 2**32)

    # scikit-learn wants a single output flat.
    targets = outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def errors(model: Any) -> np.ndarray:
        predictions = np.asarray(cross_val_predict(model, inputs, targets, cv=folds))
        return ((predictions.reshape(outputs.shape) - outputs) ** 2).sum(axis=1)

    plain = errors(DummyRegressor())
    return max((_explained(errors(model), plain, seed) for model in models), key=lambda skill: skill.value)


def _explained(errors: np.ndarray, plain: np.ndarray, seed: int) -> Estimate:
    """The share of the plain errors that is gone; its interval is that of a ratio of two means."""
    total = float(plain.mean())
    if total <= 0:
        return Estimate(0.0, 0.0, 0.0)
    share = 1 - float(errors.mean()) / total
    return mean(share + ((1 - share) * plain - errors) / total, seed=seed)
