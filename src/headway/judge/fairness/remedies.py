"""What can be done about a gap between groups, and at what price, on rows that nothing was chosen on.

Thresholds by group are those of the model itself: chosen on valid and measured on test where there is a test, else
chosen on either half of the rows and measured on the other. What needs training once more is measured on gradient
boosting in the model's place, see `headway.judge.fairness.learned`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headway.as_json import AsJson
from headway.judge.diagnosis.finding import Line, without_columns
from headway.judge.fairness.gaps import measure_gap
from headway.judge.fairness.learned import MOST_ROWS, Learned, boosting
from headway.judge.fairness.measures import TITLES, class_measures
from headway.judge.fairness.proxies import ALL, Proxy
from headway.judge.grouped_items import of_groups
from headway.judge.intervals import Estimate, paired_difference, rate
from headway.judge.significance import compare_groups
from headway.judge.slices.compare import ENOUGH
from headway.judge.slices.groups import Groups, group_items
from headway.seeds import generator

__all__ = ["EQUALIZED", "Remedy", "retrained", "reweighed", "threshold_curve"]

# What thresholds can make equal, each on its own.
EQUALIZED = ("selection_rate", "true_positive_rate", "false_positive_rate")
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
# Shares of a group's training rows that say what more of them would bring.
_SHARES = (0.25, 0.5)


@dataclass(frozen=True, kw_only=True)
class Remedy(AsJson):
    """One thing to do, and what comes of it on rows that it was not chosen on.

    Attributes:
        name: What is done, in words.
        kind: "thresholds", "reweight", "drop", "collect", or "none" for what the others are compared with.
        column: The column of groups.
        measure: What thresholds make equal; empty for the others.
        strength: Of thresholds how much of the gap they are to close, from 0 to 1; of collecting the share of the
            group's training rows that were used. NaN for others.
        accuracy: Right predictions, with its interval; of "collect" those for the group alone.
        price: Accuracy minus that without the remedy, in points, on the same rows; NaN for "none". Its interval
            counts the luck of these rows, not that of training.
        gaps: The gap that is left, by measure.
        line: What to run for it; None where Headway has no line for it. In Python `predictions` are probabilities,
            `[items, classes]`, and `items` their table.
    """

    name: str
    kind: str
    column: str
    measure: str
    strength: float
    accuracy: Estimate
    price: Estimate
    gaps: dict[str, Estimate]
    line: Line | None = None

    @property
    def sentence(self) -> str:
        """The remedy in words."""
        left = ", ".join(f"{TITLES[name][0]} {gap}" for name, gap in self.gaps.items() if not math.isnan(gap.value))
        price = (
            "" if math.isnan(self.price.value) else f"{self.price.format(1, sign=True, unit=' points')} of accuracy; "
        )
        return f"{self.name}: {price}gaps left: {left or 'cannot say'}."


@dataclass(frozen=True, kw_only=True)
class _Judge:
    """Rows that remedies are judged on: who is of the class, the groups, and the decision without a remedy."""

    positive: np.ndarray
    groups: Groups
    plain: np.ndarray
    clusters: np.ndarray | None
    column: str
    seed: int

    def of(self, rows: np.ndarray) -> _Judge:
        """The same for some of the rows."""
        groups = Groups(self.groups.names, self.groups.index[rows])
        clusters = None if self.clusters is None else self.clusters[rows]
        return replace(self, positive=self.positive[rows], plain=self.plain[rows], groups=groups, clusters=clusters)

    def __call__(self, name: str, kind: str, predicted: np.ndarray, **more: Any) -> Remedy:
        right, before = predicted == self.positive, self.plain == self.positive
        accuracy = rate(int(right.sum()), len(right))
        price = paired_difference(right, before, seed=self.seed)
        if self.clusters is not None:
            accuracy = of_groups(accuracy, right.astype(np.float64), self.clusters, is_share=True)
            price = compare_groups(right, before, groups=self.clusters, seed=self.seed).difference
        measures = class_measures(predicted.astype(np.float64), predicted, self.positive)
        known: dict[str, Any] = {"columns": (self.column,), "label": "", "clusters": self.clusters, "is_tested": False}
        gaps = {
            measure.name: measure_gap(measure, self.groups.index, self.groups.names, **known).difference
            for measure in measures
            if measure.name in (*EQUALIZED, "precision")
        }
        more = {"measure": "", "strength": math.nan, **more}
        nothing = Estimate(math.nan, math.nan, math.nan)
        paid = nothing if kind == "none" else price.scaled(100)
        return Remedy(name=name, kind=kind, column=self.column, accuracy=accuracy, price=paid, gaps=gaps, **more)


def threshold_curve(
    probability: np.ndarray,
    positive: np.ndarray,
    groups: Groups,
    *,
    column: str,
    chosen_on: tuple[np.ndarray, np.ndarray, Groups] | None = None,
    clusters: np.ndarray | None = None,
    seed: int = 0,
) -> list[Remedy]:
    """Thresholds by group that close a gap by a quarter, a half and so on: what is left of it, and the accuracy.

    Args:
        probability: Of the class, float `[items]`.
        positive: Who is of it, bool `[items]`.
        groups: The groups of a column.
        column: Its name.
        chosen_on: The same three of other rows, which thresholds are chosen on; None to choose on either half of these
            rows and judge the other by it.
        clusters: Which items belong together, int64 `[items]`; they stay in one half.
        seed: The run's seed.

    Example:
        >>> draw = np.random.default_rng(0)
        >>> index, positive = np.repeat([0, 1], 1000), draw.random(2000) < 0.5
        >>> probability = (0.4 * positive + 0.5 * draw.random(2000) + 0.1 * index).clip(0, 1)
        >>> curve = threshold_curve(probability, positive, Groups(("a", "b"), index), column="sex")
        >>> [(one.measure, one.strength) for one in curve[3:6]]
        [('selection_rate', 0.75), ('selection_rate', 1.0), ('true_positive_rate', 0.0)]
        >>> curve[0].gaps["selection_rate"].value > 5 * curve[4].gaps["selection_rate"].value
        True

    Source:
        Hardt, Price and Srebro 2016, arXiv:1610.02413, for thresholds by group; here without a random choice between
        two thresholds, so scores of few different values leave some of the gap.
    """
    judge = _Judge(
        positive=positive, groups=groups, plain=probability > 0.5, clusters=clusters, column=column, seed=seed
    )
    if chosen_on is not None:
        # Groups are known by their names, as either part may lack some.
        order = [groups.names.index(name) if name in groups.names else -1 for name in chosen_on[2].names]
        other = np.array(order)[chosen_on[2].index]
        folds = [((chosen_on[0], chosen_on[1], other), np.arange(len(positive)))]
    else:
        folds = [
            ((probability[rows], positive[rows], groups.index[rows]), np.setdiff1d(np.arange(len(positive)), rows))
            for rows in _halves(len(positive), clusters, seed)
        ]
    remedies = []
    for measure in EQUALIZED:
        for strength in STRENGTHS:
            predicted = np.zeros(len(positive), dtype=bool)
            for chosen, rows in folds:
                thresholds = _thresholds(*chosen, len(groups.names), measure, strength)
                predicted[rows] = probability[rows] > thresholds[groups.index[rows]]
            chosen = folds[0][0] if chosen_on is not None else (probability, positive, groups.index)
            limits = _thresholds(*chosen, len(groups.names), measure, strength)
            more = {"measure": measure, "strength": strength, "line": _by_group(column, groups.names, limits)}
            name = f"thresholds by group, {strength:.0%} of the way to an equal {TITLES[measure][0]}"
            remedies.append(judge(name, "thresholds", predicted, **more))
    return remedies


def _by_group(column: str, names: Sequence[str], limits: np.ndarray) -> Line:
    """Thresholds as a line of Python; groups that were too small to choose one for have one half."""
    known = {name: round(float(limit), 6) for name, limit in zip(names, limits, strict=True)}
    groups = f"items[{column!r}].cast(str).replace_strict({known}, default=0.5)"
    return Line(python=f"positive = predictions[:, 1] > {groups}.to_numpy()", solves=True)


def _halves(count: int, clusters: np.ndarray | None, seed: int) -> list[np.ndarray]:
    units = np.arange(count) if clusters is None else clusters
    names = np.unique(units)
    chosen = generator(seed, "bootstrap", epoch=4).permutation(names)[: len(names) // 2]
    inside = np.isin(units, chosen)
    return [np.flatnonzero(inside), np.flatnonzero(~inside)]


def _thresholds(
    probability: np.ndarray, positive: np.ndarray, index: np.ndarray, num_groups: int, measure: str, strength: float
) -> np.ndarray:
    """A threshold a group, float64 `[groups]`: one half for groups that are too small to choose one for."""
    counted = {"selection_rate": np.ones(len(positive), bool), "true_positive_rate": positive}.get(measure, ~positive)
    thresholds = np.full(num_groups, 0.5)
    used = [group for group in range(num_groups) if (counted & (index == group)).sum() >= ENOUGH]
    if not used or not strength:
        return thresholds
    common = float((probability[counted & np.isin(index, used)] > 0.5).mean())
    for group in used:
        scores = probability[counted & (index == group)]
        wanted = (1 - strength) * float((scores > 0.5).mean()) + strength * common
        # Where all of a group are wanted, no threshold is low enough but one below every probability.
        thresholds[group] = np.quantile(scores, 1 - wanted, method="higher") if wanted < 1 else -1.0
    return thresholds


def reweighed(targets: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Weights of training rows, float64 `[rows]`, with which group and class are independent.

    Example:
        >>> reweighed(np.array([1, 1, 1, 0]), np.array([0, 0, 1, 1])).round(2).tolist()
        [0.75, 0.75, 1.5, 0.5]

    Source:
        Kamiran and Calders 2012, "Data preprocessing techniques for classification without discrimination".
    """
    cells = groups * (int(targets.max()) + 1) + targets
    together = np.bincount(cells)[cells] / len(cells)
    expected = np.bincount(groups)[groups] * np.bincount(targets)[targets] / len(cells) ** 2
    return expected / together


def retrained(
    learned: Learned,
    groups: Groups,
    *,
    column: str,
    positive: int,
    found: Sequence[Proxy],
    clusters: np.ndarray | None = None,
    seed: int = 0,
) -> list[Remedy]:
    """What training once more would change, measured on gradient boosting: reweighting, fewer columns, more rows.

    `groups` are those of the judged rows, `positive` is the class that is looked at. Empty for other kinds than tables.
    """
    names = learned.names
    if not names:
        return []
    of_train = group_items(learned.items, column)
    targets = (learned.train.targets == positive).astype(np.int64)
    truth = learned.judged.targets == positive
    if not (0 < targets.sum() < len(targets)):
        return []

    def decide(columns: Sequence[int], rows: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        if len(np.unique(targets[rows])) < 2 or not len(columns):
            # Without a column everybody is given the commoner class.
            return np.full(len(truth), targets[rows].mean() > 0.5)
        tables = (table["table"][:, columns] for table in (learned.train, learned.judged))
        known, asked = tables
        categorical = [new for new, old in enumerate(columns) if old in learned.categorical]
        options = {"categorical": categorical, "weights": None if weights is None else weights[rows]}
        return boosting(known[rows], targets[rows], [asked], **options)[0][:, 1] > 0.5

    every = list(range(len(names)))
    # Drawn once: else a remedy would be compared with a model of other rows.
    everyone = np.sort(generator(seed, "baseline", epoch=1).permutation(len(targets))[:MOST_ROWS])
    plain = decide(every, everyone)
    judge = _Judge(positive=truth, groups=groups, plain=plain, clusters=clusters, column=column, seed=seed)
    remedies = [judge("boosting, trained as the model was", "none", plain)]
    weights = reweighed(targets, of_train.index)
    remedies.append(judge("training rows reweighted", "reweight", decide(every, everyone, weights)))
    close = [proxy.column for proxy in found if proxy.is_proxy and proxy.column != ALL]
    for dropped in ([column] if column in names else [], [column, *close] if close else []):
        kept = [position for position in every if names[position] not in dropped]
        if len(kept) < len(every):
            shown = ", ".join(dict.fromkeys(names[position] for position in every if position not in kept))
            line = replace(without_columns([name for name in dropped if name in names]), solves=False)
            remedies.append(judge(f"without {shown}", "drop", decide(kept, everyone), line=line))
    more = _collected(judge, of_train, everyone, lambda rows: decide(every, rows), seed)
    return remedies + more


def _collected(
    judge: _Judge, of_train: Groups, everyone: np.ndarray, decide: Callable[[np.ndarray], np.ndarray], seed: int
) -> list[Remedy]:
    """With fewer training rows of the smallest group: where that makes it worse, more of them would help.

    Accuracy and price are those of the group alone.
    """
    counts = np.bincount(of_train.index[everyone], minlength=len(of_train.names))
    judged = {name: np.flatnonzero(judge.groups.index == group) for group, name in enumerate(judge.groups.names)}
    used = [
        group
        for group, name in enumerate(of_train.names)
        if counts[group] * min(_SHARES) >= ENOUGH and len(judged.get(name, ())) >= ENOUGH
    ]
    if not used:
        return []
    smallest = min(used, key=lambda group: counts[group])
    name = of_train.names[smallest]
    of_group = judge.of(judged[name])
    own = everyone[of_train.index[everyone] == smallest]
    order = generator(seed, "bootstrap", epoch=5).permutation(own)
    remedies = []
    for share in _SHARES:
        left_out = order[int(share * len(own)) :]
        predicted = decide(np.setdiff1d(everyone, left_out))
        told = f"{name} alone, with {share:.0%} of its training rows"
        alone = of_group(told, "collect", predicted[judged[name]])
        remedies.append(replace(alone, strength=share, gaps=judge("", "collect", predicted).gaps))
    return remedies
