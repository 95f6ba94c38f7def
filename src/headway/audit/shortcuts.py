"""Shortcuts: whether what should not matter gives the answer away, and whether the parts of the data differ.

Source:
    Geirhos et al. 2020, arXiv:2004.07780, "Shortcut learning in deep neural networks".
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from headway.data.dataset import Data, Part
from headway.data.splits import ColumnSplit, RandomSplit
from headway.judge.baselines.skill import as_outputs, explained_share
from headway.judge.diagnosis.finding import DROP, RANDOM, Finding, Line, Severity, without_columns
from headway.judge.diagnosis.item_audit import ItemAudit
from headway.judge.intervals import Estimate
from headway.seeds import generator

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor

__all__ = ["check_shortcuts", "incidental"]

# Share of the target's variance from which on something incidental is a shortcut; of what often goes with the label
# honestly, such as colour, and from which on it is serious. The interval must lie above.
_TELLS, _TELLS_USUAL, _TELLS_ALL = 0.1, 0.5, 0.8
# Below that, what often goes with the label honestly is a note.
_TELLS_NOTE = 0.2
_DAYS = 3
# The same of telling train from valid.
_PARTS_DIFFER = 0.1
_NUM_ITEMS = 4_000
_TREES, _SMALLEST = 30, 5
_FEWEST = 40
# How finely a forest's guesses are compared, and its folds; the correlation of what counts rows with their number.
_LEVELS, _FOLDS, _COUNTS = 5, 5, 0.999
_FILE_SIZE = "the size of the file"


def incidental(audit: ItemAudit) -> dict[str, pl.DataFrame]:
    """What should not tell the answer, by name: of files their size and ending, of rows their order, and the kind's."""
    part = audit.part
    reader, items = part.data.input, part.items
    frames: dict[str, pl.DataFrame] = {}
    if reader.source == "file" and items[reader.column].dtype == pl.String:
        paths = items[reader.column].to_list()
        sizes = [os.path.getsize(path) if os.path.exists(path) else None for path in paths]
        frames[_FILE_SIZE] = pl.DataFrame({"size of the file": sizes})
        frames["the time of day of the file"] = _times(paths)
        frames["the ending of the file"] = pl.DataFrame({"ending": [Path(path).suffix.lower() for path in paths]})
    frames |= audit.incidental()
    return {name: frame for name, frame in frames.items() if frame.width}


def _times(paths: Sequence[str]) -> pl.DataFrame:
    """At which hour files were written; nothing where all were within a few days, as copied and unpacked files are."""
    seconds = pl.Series("time", [os.path.getmtime(path) if os.path.exists(path) else None for path in paths])
    low, high = seconds.min(), seconds.max()
    if low is None or high - low < _DAYS * 86_400:  # pyright: ignore[reportOperatorIssue]
        return pl.DataFrame()
    return pl.DataFrame({"hour": seconds % 86_400 / 3_600})


def check_shortcuts(audit: ItemAudit, seed: int) -> list[Finding]:
    """Whatever incidental tells the answer, and whether it tells one part from another."""
    part = audit.part
    if part.data.target.estimator is None or len(part) < _FEWEST:
        return []
    frames = incidental(audit)
    drawn = np.sort(generator(seed, "bootstrap").permutation(len(part))[:_NUM_ITEMS])
    matrices = {name: _numbers(frame[drawn]) for name, frame in frames.items()}
    outputs = as_outputs(part.targets[drawn])
    findings = []
    for name, matrix in matrices.items():
        skill = _skill(matrix, outputs, seed)
        usual = name in (*audit.usual, _FILE_SIZE)
        if skill.low >= (_TELLS_NOTE if usual else _TELLS):
            findings.append(_shortcut(name, frames[name], skill, _against(audit, name, (matrix, outputs, drawn), seed)))
            if usual and skill.low < _TELLS_USUAL:
                findings[-1] = replace(findings[-1], severity="note")
    if part.data.input.source == "values":
        findings += _check_order(part, drawn, outputs, seed)
    others = {name: _numbers(frame[drawn]) for name, frame in audit.contents().items()}
    return [*findings, *_check_parts(part.data, part, drawn, matrices | others, seed)]


def _against(
    audit: ItemAudit, name: str, learned: tuple[np.ndarray, np.ndarray, np.ndarray], seed: int
) -> tuple[Line | None, list[int]]:
    """What to run against a shortcut, and the rows that it leaves out: a table does without the columns.

    Of others items are left out, so that of those which look alike in it each class keeps its share.
    """
    (matrix, outputs, drawn), part, columns = learned, audit.part, list(incidental(audit)[name].columns)
    if set(columns) <= set(part.data.input.columns):
        alone = [_skill(column[:, None], outputs, seed).low >= _TELLS for column in matrix.T]
        telling = [column for column, tells in zip(columns, alone, strict=True) if tells]
        return without_columns(telling or columns), []
    rows = part.rows[drawn][_unbalanced(matrix, part.targets[drawn], seed)] if part.data.target.is_one_class else []
    fits = len(drawn) == len(part) and len(part) - len(rows) >= _FEWEST
    return (replace(DROP, solves=True), list(map(int, rows))) if fits else (None, [])


def _unbalanced(matrix: np.ndarray, targets: np.ndarray, seed: int) -> np.ndarray:
    """Positions of items to leave out, so that among those which a forest takes for the same each class has its share.

    Source:
        Rosenbaum and Rubin 1984, "Reducing bias in observational studies using subclassification on the propensity
        score".
    """
    from sklearn.model_selection import KFold, cross_val_predict

    shares = np.bincount(targets) / len(targets)
    # Shuffled: the files of a folder come class by class.
    folds = KFold(_FOLDS, shuffle=True, random_state=seed)
    known = np.nan_to_num(matrix, nan=-1.0)
    guesses = cross_val_predict(_forest(), known, np.eye(len(shares))[targets], cv=folds)
    _, alike = np.unique(np.round(guesses * _LEVELS), axis=0, return_inverse=True)
    kept = []
    for level in np.unique(alike):
        of_class = [np.flatnonzero((alike == level) & (targets == label)) for label in range(len(shares))]
        most = min(len(items) / share for items, share in zip(of_class, shares, strict=True) if share)
        kept += [items[: int(most * share)] for items, share in zip(of_class, shares, strict=True)]
    return np.setdiff1d(np.arange(len(targets)), np.concatenate(kept))


def _shortcut(name: str, frame: pl.DataFrame, skill: Estimate, against: tuple[Line | None, list[int]]) -> Finding:
    severity: Severity = "serious" if skill.low >= _TELLS_ALL else "warning"
    sentence = (
        f"{name[0].upper()}{name[1:]} alone: a small model that knows nothing else explains {_share(skill)} of the "
        "target's variance, in items that it did not learn from."
    )
    remedies = (
        f"make {name} the same for all classes: record or convert all items in one way",
        "collect items of each class from each source",
        "judge the model on items from another source: headway evaluate MODEL OTHERS",
    )
    evidence = {"from": name, "columns": frame.columns, "explained": skill.to_json()}
    line, rows = against
    return Finding("shortcut", severity, sentence, evidence | ({"rows": rows} if rows else {}), remedies, line)


def _check_order(part: Part, drawn: np.ndarray, outputs: np.ndarray, seed: int) -> list[Finding]:
    skill = _skill(part.rows[drawn, None].astype(np.float64), outputs, seed)
    # An order does no harm where parts are drawn at random and no column tells it.
    if skill.low < _TELLS or (isinstance(part.data.split, RandomSplit) and not _counting(part)):
        return []
    sentence = f"The rows are in order of the target: a row's number explains {_share(skill)} of its variance."
    counting = _counting(part)
    remedies = ("leave out columns that count rows, such as ids", "do not split by the rows' order")
    line = without_columns(counting) if counting else RANDOM
    evidence = {"from": "row number", "columns": counting, "explained": skill.to_json()}
    return [Finding("shortcut", "note", sentence, evidence, remedies, line)]


def _counting(part: Part) -> list[str]:
    """The columns that are learned from and rise or fall with the row's number."""
    numbers = [name for name in part.data.input.columns if part.items[name].dtype.is_numeric()]
    order = pl.Series(part.rows)
    ranks = {name: part.items.select(pl.corr(pl.col(name), order, method="spearman")).item() for name in numbers}
    return [name for name, rank in ranks.items() if rank is not None and abs(rank) > _COUNTS]


def _check_parts(
    data: Data, part: Part, drawn: np.ndarray, matrices: dict[str, np.ndarray], seed: int
) -> list[Finding]:
    """Adversarial validation: whether train can be told from the other parts, where they were not drawn at random."""
    if isinstance(data.split, RandomSplit) or not matrices:
        return []
    side = (part.items["split"][drawn.tolist()] == "train").to_numpy().astype(np.int64)
    findings = []
    for name, matrix in matrices.items():
        skill = _skill(matrix, as_outputs(side), seed) if 0 < side.mean() < 1 else None
        if skill is not None and skill.low >= _PARTS_DIFFER:
            severity: Severity = "warning" if isinstance(data.split, ColumnSplit) else "note"
            sentence = (
                f"Training items and the others differ in {name}: it explains {_share(skill)} of which of the two an "
                "item is."
            )
            remedies = ("split anew: split=hw.RandomSplit()", "ask how the parts were made, and which is like the use")
            evidence = {"from": name, "explained": skill.to_json()}
            findings.append(Finding("parts_differ", severity, sentence, evidence, remedies, RANDOM))
    return findings


def _skill(matrix: np.ndarray, outputs: np.ndarray, seed: int) -> Estimate:
    # What is the same everywhere tells nothing.
    if not matrix.shape[1] or all(len(np.unique(column)) < 2 for column in matrix.T):
        return Estimate(0.0, 0.0, 0.0)
    return explained_share([_forest()], matrix, outputs, seed=seed)


def _forest() -> RandomForestRegressor:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(_TREES, min_samples_leaf=_SMALLEST, max_features=0.5, random_state=0)


def _numbers(frame: pl.DataFrame) -> np.ndarray:
    """A frame as numbers, float64 `[items, columns]`: of texts their rank, NaN where a value is missing."""
    ranked = frame.with_columns(pl.col(pl.String, pl.Categorical).cast(pl.String).rank("dense"))
    return ranked.select(pl.all().cast(pl.Float64)).to_numpy().astype(np.float64)


def _share(skill: Estimate) -> str:
    return f"{skill.value:.0%} [{skill.low:.0%}, {min(skill.high, 1):.0%}]"
