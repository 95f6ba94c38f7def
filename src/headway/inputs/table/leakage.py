"""Signs that a table gives the answer away: a column that predicts it alone, rows that are on both sides of the split.

A model with such help is good in every test and useless afterwards, since the help is missing when the answer is not
known yet (Kaufman, Rosset and Perlich 2012, "Leakage in data mining").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from headway.errors import ShapeError
from headway.inputs.table.column_values import ColumnValues, column_values, draw
from headway.judge.diagnosis.finding import Finding, Severity
from headway.judge.intervals import Estimate, mean, wilson
from headway.seeds import generator

__all__ = ["ColumnSkill", "column_skills", "find_copies", "find_leaks"]

TELLS, TELLS_ALL = 0.8, 0.95
"""Share of the targets' variance that one column explains alone. Honest columns seldom do, though one number often
nearly determines another: of numbers the first is a warning only."""
SUDDEN = 0.5
"""From here on a column is told where all other columns together explain less than half as much."""
MANY_COPIES = 0.01
"""Share of the rows of valid or test that are in train too, from which on they change what is measured."""
AGREE = 0.8
"""Of equal rows' agreement on the target, what chance leaves room for. Those that are equal by accident agree less."""
_FOLDS = 5
_NUM_ITEMS = 10_000
_NAMES = 0.5
"""Text of which more values than this differ is no category, but names or ids; their order is looked at."""
_IDS = 0.95
_LEAVES = 64
_SMALLEST = 5
_SHOWN = 8
_OWN_DRAWS = 5 << 32

Answer = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""A column's values, their targets `[items, outputs]`, and new values: targets for these."""


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


def column_skills(
    items: pl.DataFrame,
    targets: np.ndarray,
    columns: Sequence[str] | None = None,
    *,
    categorical: Collection[str] = (),
    seed: int = 0,
) -> list[ColumnSkill]:
    """How well each column predicts the target alone, on five folds, the best first.

    Of a number a small regression tree (missing values are one of its branches) or a straight line, of a category the
    mean target of each, drawn towards the mean of all.

    Args:
        items: Training rows.
        targets: Class indices `[items]`, or numbers `[items, outputs]`.
        columns: Which columns; all that hold numbers, dates or categories when left out.
        categorical: Columns of numbers that are categories.
        seed: The run's seed. Of more than 10,000 items, so many are drawn.

    Raises:
        ConfigError: If a column is not there.
        ShapeError: If items and targets are not of the same number.

    Example:
        >>> items = pl.DataFrame({"age": list(range(50)), "group": ["young"] * 25 + ["old"] * 25})
        >>> [best, *_] = column_skills(items, np.repeat([0, 1], 25))
        >>> best.column, round(best.skill.value, 2)
        ('group', 1.0)

    Source:
        Brier 1950, "Verification of forecasts expressed in terms of probability".
    """
    if len(items) != len(targets):
        given = f"{len(items)} items, {len(targets)} targets"
        raise ShapeError("Every item needs a target.", given=given, fix="Pass both of the same part.")
    drawn = draw(generator(seed, "bootstrap", epoch=_OWN_DRAWS), len(items), _NUM_ITEMS)
    wanted, folds = _wanted(targets[drawn]), _folds(len(drawn), seed)
    found = []
    for each in column_values(items[drawn], columns, categorical=categorical):
        count = int((~each.missing).sum())
        differing = len(np.unique(each.values[~each.missing])) / max(count, 1)
        is_id = count > _FOLDS and differing >= _IDS and (each.labels is not None or _is_whole(each.values))
        found.append(ColumnSkill(each.name, _skill(_sortable(each, differing), wanted, folds, seed), is_id))
    return sorted(found, key=lambda each: -each.skill.value)


def find_leaks(
    items: pl.DataFrame,
    targets: np.ndarray,
    columns: Sequence[str] | None = None,
    *,
    categorical: Collection[str] = (),
    seed: int = 0,
) -> list[Finding]:
    """Columns that predict the target alone, or nearly: a finding for those that surely do, and one for the others.

    Args:
        items: Training rows.
        targets: Class indices `[items]`, or numbers `[items, outputs]`.
        columns: Which columns; all that hold numbers, dates or categories when left out.
        categorical: Columns of numbers that are categories.
        seed: The run's seed.

    Raises:
        ConfigError: If a column is not there.
        ShapeError: If items and targets are not of the same number.

    Example:
        >>> items = pl.DataFrame({"size": [1.0, 2.0, 3.0, 4.0, 5.0] * 10, "after": ["no", "yes"] * 25})
        >>> [finding] = find_leaks(items, np.array([0, 1] * 25))
        >>> finding.severity, finding.evidence["columns"]
        ('serious', ['after'])
    """
    skills = column_skills(items, targets, columns, categorical=categorical, seed=seed)
    suspects = [each for each in skills if each.skill.low >= SUDDEN]
    if not suspects:
        return []
    others = [each.column for each in skills if each not in suspects]
    rest = _skill_together(items, targets, others, categorical, seed) if others else Estimate(0.0, 0.0, 0.0)
    by_severity: dict[Severity, list[ColumnSkill]] = {}
    for each in suspects:
        severity = _severity(each.skill, rest, is_classes=targets.ndim == 1)
        if severity:
            by_severity.setdefault(severity, []).append(each)
    return [_finding(each, rest if others else None, severity) for severity, each in by_severity.items()]


def find_copies(
    train: pl.DataFrame, other: pl.DataFrame, target: str, columns: Sequence[str], *, part: str = "valid"
) -> list[Finding]:
    """Rows of another part that are in train too, with the same values in all columns.

    Args:
        train: Training rows.
        other: Rows that the model is judged on.
        target: The target's column.
        columns: The columns that go into the model.
        part: What the other rows are called.

    Example:
        >>> train = pl.DataFrame({"age": list(range(200)), "sick": [0, 1] * 100})
        >>> [finding] = find_copies(train, train.head(100), "sick", ["age"])
        >>> finding.severity, finding.evidence["num_copies"]
        ('serious', 100)
    """
    hashed = [frame.select(columns).hash_rows(seed=0).to_numpy() for frame in (train, other)]
    both = np.isin(hashed[1], hashed[0])
    share = wilson(int(both.sum()), max(len(other), 1))
    if not both.any():
        return []
    seen = dict(zip(hashed[0].tolist(), train[target].to_list(), strict=True))
    pairs = zip(hashed[1][both].tolist(), other.filter(pl.Series(both))[target].to_list(), strict=True)
    same = wilson(sum(seen[row] == value for row, value in pairs), int(both.sum()))
    by_chance = float(((train[target].value_counts()["count"] / len(train)) ** 2).sum())
    if share.low < MANY_COPIES or same.value - by_chance < AGREE * (1 - by_chance):
        severity: Severity = "note"
    else:
        severity = "serious" if share.low >= 10 * MANY_COPIES else "warning"
    sentence = (
        f"{int(both.sum()):,} of {len(other):,} rows of {part} ({share.value:.1%}) have the same values in all columns "
        f"as a training row; the target is the same in {same.value:.1%} of them."
    )
    evidence = {"share": share.to_json(), "num_copies": int(both.sum()), "agreement": same.to_json(), "part": part}
    remedies = (
        "look whether rows were recorded twice, and keep one of each",
        "split by what belongs together (customer, patient, day)",
        "with few columns of few values, equal rows are no copies: nothing is wrong then",
    )
    return [Finding("leak", severity, sentence, evidence, remedies)]


def _severity(skill: Estimate, rest: Estimate, *, is_classes: bool) -> Severity | None:
    if skill.low >= TELLS_ALL or (is_classes and skill.low >= TELLS):
        return "serious"
    return "warning" if skill.low >= TELLS or rest.high < skill.low / 2 else None


def _finding(found: Sequence[ColumnSkill], rest: Estimate | None, severity: Severity) -> Finding:
    """One finding of all suspected columns of a severity, the one that tells most first."""
    shown = [f"{each.column!r} {_told(each.skill)}" for each in found[:_SHOWN]]
    shown += [f"{len(found) - _SHOWN} more columns"] if len(found) > _SHOWN else []
    if len(found) == 1:
        sentence = f"Column {found[0].column!r} alone explains {_told(found[0].skill)}"
    else:
        sentence = f"Each of these columns alone explains much: {', '.join(shown[:-1])} and {shown[-1]}"
    sentence += " of the target's variance in rows it was not fitted on"
    if rest is not None:
        sentence += f"; all columns that are not suspected explain {max(rest.value, 0):.0%} together"
    sentence += "."
    ids = [each.column for each in found if each.is_id]
    if ids and len(found) == 1:
        sentence += (
            " Nearly all of its values differ: it looks like an id, in whose order the rows are by their target."
        )
    elif ids:
        sentence += f" Ids, by the look of them, in whose order the rows are by their target: {_named(ids)}."
    names = _named([each.column for each in found])
    is_, it = ("is", "it") if len(found) == 1 else ("are", "each of them")
    remedies = (
        f"ask whether {names} {is_} known at the time when the answer is wanted, and how {it} came about",
        f"train without {names}, and compare",
        *(("shuffle ids, or leave them out",) if ids else ()),
    )
    skills = {each.column: each.skill.to_json() for each in found}
    evidence = {"columns": list(skills), "skills": skills, "rest": None if rest is None else rest.to_json()}
    return Finding("leak", severity, sentence, evidence, remedies)


def _told(skill: Estimate) -> str:
    return f"{skill.value:.0%} [{skill.low:.0%}, {min(skill.high, 1):.0%}]"


def _named(columns: Sequence[str]) -> str:
    shown = [repr(each) for each in columns[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else "")


def _wanted(targets: np.ndarray) -> np.ndarray:
    """Targets as numbers, float64 `[items, outputs]`: of a class 1 where it is, of a number standard deviations."""
    if targets.ndim == 1:
        return np.eye(int(targets.max()) + 1)[targets]
    spread = targets.std(0, dtype=np.float64)
    return (targets - targets.mean(0, dtype=np.float64)) / np.where(spread > 0, spread, 1.0)


def _folds(count: int, seed: int) -> np.ndarray:
    """The fold of each item, int64 `[items]`."""
    return generator(seed, "bootstrap", epoch=_OWN_DRAWS + 1).permutation(np.arange(count) % _FOLDS)


def _sortable(column: ColumnValues, differing: float) -> ColumnValues:
    """Names and ids by their order, in which numbers within the text count as numbers."""
    if column.labels is None or differing < _NAMES:
        return column
    parts = [
        [(not each.isdigit(), int(each) if each.isdigit() else each) for each in re.split(r"(\d+)", label)]
        for label in column.labels
    ]
    order = sorted(range(len(parts)), key=lambda place: parts[place])
    places = np.empty(len(order))
    places[order] = np.arange(len(order))
    values = np.full(len(column.values), np.nan)
    values[~column.missing] = places[column.values[~column.missing].astype(np.int64)]
    return ColumnValues(name=column.name, values=values)


def _is_whole(values: np.ndarray) -> bool:
    present = values[~np.isnan(values)]
    return bool((present == np.round(present)).all())


def _skill(column: ColumnValues, wanted: np.ndarray, folds: np.ndarray, seed: int) -> Estimate:
    """The best of the ways to predict from one column."""
    ways = (_by_tree, _by_line) if column.labels is None else (_by_category,)
    return max((_skill_by(each, column, wanted, folds, seed) for each in ways), key=lambda skill: skill.value)


def _skill_by(answer: Answer, column: ColumnValues, wanted: np.ndarray, folds: np.ndarray, seed: int) -> Estimate:
    errors, plain = np.zeros(len(wanted)), np.zeros(len(wanted))
    for fold in range(_FOLDS):
        kept, left = folds != fold, folds == fold
        if not kept.any() or not left.any():
            continue
        centre = wanted[kept].mean(0)
        found = answer(column.values[kept], wanted[kept], column.values[left])
        errors[left] = ((found - wanted[left]) ** 2).sum(1)
        plain[left] = ((centre - wanted[left]) ** 2).sum(1)
    return _share(errors, plain, seed)


def _share(errors: np.ndarray, plain: np.ndarray, seed: int) -> Estimate:
    """The share of the plain errors that is gone; its interval is that of a ratio of two means."""
    total = float(plain.mean())
    if total <= 0:
        return Estimate(0.0, 0.0, 0.0)
    share = 1 - float(errors.mean()) / total
    return mean(share + ((1 - share) * plain - errors) / total, seed=seed)


def _by_tree(seen: np.ndarray, wanted: np.ndarray, new: np.ndarray) -> np.ndarray:
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(max_leaf_nodes=_LEAVES, min_samples_leaf=_SMALLEST, random_state=0)
    found = tree.fit(seen[:, None], wanted).predict(new[:, None])
    return found.reshape(len(new), -1)


def _by_line(seen: np.ndarray, wanted: np.ndarray, new: np.ndarray) -> np.ndarray:
    """A straight line, where a tree would need many leaves; the mean where the number is missing."""
    centre = np.nan_to_num(np.nanmean(seen)) if not np.isnan(seen).all() else 0.0
    along, asked = (np.nan_to_num(each - centre) for each in (seen, new))
    slope = along @ (wanted - wanted.mean(0)) / ((along**2).sum() or 1.0)
    return wanted.mean(0) + asked[:, None] * slope


def _by_category(seen: np.ndarray, wanted: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The mean of each category, as if one more item had been seen with the mean of all."""
    values, centre = np.nan_to_num(seen, nan=-1).astype(np.int64) + 1, wanted.mean(0)
    asked = np.nan_to_num(new, nan=-1).astype(np.int64) + 1
    size = max(int(values.max()), int(asked.max())) + 1
    counts = np.bincount(values, minlength=size) + 1.0
    sums = np.stack([np.bincount(values, weights=each, minlength=size) for each in wanted.T], axis=1)
    return ((sums + centre) / counts[:, None])[asked]


def _skill_together(
    items: pl.DataFrame, targets: np.ndarray, columns: Sequence[str], categorical: Collection[str], seed: int
) -> Estimate:
    """What gradient boosting makes of several columns, learned on four folds and judged on one."""
    from headway.inputs.table.baselines import CLASSES, NUMBERS
    from headway.judge.baselines.base import Rows

    drawn = draw(generator(seed, "bootstrap", epoch=_OWN_DRAWS), len(items), _NUM_ITEMS)
    found = column_values(items[drawn], columns, categorical=categorical)
    wanted, is_left = _wanted(targets[drawn]), _folds(len(drawn), seed) == 0
    rows = Rows(
        targets=targets[drawn],
        table=np.stack([each.values for each in found], axis=1),
        categorical=tuple(place for place, each in enumerate(found) if each.labels is not None),
    )
    if targets.ndim > 1:
        rows = Rows(targets=wanted, table=rows.table, categorical=rows.categorical)
    model = (CLASSES if targets.ndim == 1 else NUMBERS)["gradient boosting"]
    train, left = rows.take(np.flatnonzero(~is_left)), rows.take(np.flatnonzero(is_left))
    answers = model.run(train, {"left": left}, num_outputs=wanted.shape[1], seed=seed)["left"]
    errors = ((answers - wanted[is_left]) ** 2).sum(1)
    return _share(errors, ((wanted[~is_left].mean(0) - wanted[is_left]) ** 2).sum(1), seed)
