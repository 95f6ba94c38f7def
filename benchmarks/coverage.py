"""How often do 95 % intervals hold the truth, how often does a verdict say what is not so, and what can it show?

Predictions are drawn again and again from a known truth, and judged as a report judges them. Of the
intervals that are shown the table says how many hold the truth, with the standard error of the simulation: 92 to 98 %
is what a nominal 95 % should come to. Where too few items are there for that, none is shown. Where the truth lies at
the end of what is possible, as a calibration error of 0 does, only one end can miss: 97.5 % is nominal there. Where one
error or none is expected, a rate takes two or three values, and no interval holds it in exactly 95 %: these hold it in
up to 99.9 %, rather than in 84 % as Wilson's own would. Of R2 with exponential targets they hold it in up to 99 %: few
items do not show whether targets are exponential or of Student's t3, and for these the wider end is needed.
Then a model and the best of k baselines are equally good, or the best baseline is as good and the others are 1.5
points worse: "better" and "worse" are false there, and 2.5 % of either is what is allowed. The baselines share the
difficulty of items (correlation 0.7) or not, and one of them was chosen on training items. The last rows are the power:
how often a model is called better that truly is, among 1 or 6 baselines that are right on 85 % of the items.
Cells at the limits were drawn again. The two verdicts above 2.5 % are called in at most 2.4 ± 0.1 and 2.5 ± 0.1 % of
20,000 other draws. The two lowest intervals hold the truth in 91.9 ± 0.6 % of 2,000 others: RMSE of 30 items with
Student's t3 errors, and balanced accuracy of 500 items of three classes, one of 2 %.
`python -m benchmarks.coverage --repetitions 40 --verdicts 60` is a small size, in under a minute.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from statistics import NormalDist

import numpy as np
from scipy.special import bdtr

from benchmarks.results import Row, tables
from headway.judge.baselines.run import BaselineResult
from headway.judge.intervals import ALPHA
from headway.judge.metric import TaskMetrics
from headway.judge.verdict import verdict
from headway.targets.categories.metrics import multilabel_metrics
from headway.targets.category.metrics import METRICS as CLASSES
from headway.targets.number.metrics import METRICS as NUMBERS

Arrays = tuple[np.ndarray, np.ndarray]
# The items of which a metric's value is taken for the truth.
_MANY = 200_000
# The items that show how often the best guess is right.
_TRIED = 100_000
_SIZES = (30, 100, 500)
# In fewer of the draws an interval is shown too seldom to say how often it holds.
_SELDOM = 0.1
# Differences of groups are never called one below so many standard errors.
_FAR = 1.2
# Of all draws: another number, other draws.
_SEED = 20261126
# Of the baselines that are equally good; and points that a model is better, with the items that show it.
_BASELINES, _GAINS, _ITEMS = (1, 2, 4, 6, 12), (1, 2, 3, 5), (100, 500, 2000)
_COPIES = {"independent": 0.0, "half copied": 0.5, "90 % copied": 0.9, "exact copies": 1.0}


@dataclass(frozen=True)
class World:
    """A truth to draw from: the number of items and a generator to predictions and targets."""

    name: str
    draw: Callable[[int, np.random.Generator], Arrays]
    metrics: TaskMetrics
    names: Sequence[str]

    def truth(self) -> dict[str, float]:
        """The metrics of very many items."""
        arrays = self.draw(_MANY, np.random.default_rng(1))
        return {name: self.metrics.score(*arrays, name=name) for name in self.names}


def run(repetitions: int = 400, verdicts: int = 2_000) -> list[Row]:
    """Intervals of items and of groups, and with so many draws of their own verdicts that are false or true."""
    return [
        *(row for world in worlds() for row in interval_rows(world, repetitions)),
        *grouped_rows(verdicts),
        *best_of_rows(verdicts),
        *power_rows(verdicts // 4),
    ]


def worlds() -> Iterator[World]:
    """Classes, labels and numbers, as easy and as rare as they come."""
    names = [name for name in CLASSES.metrics if name != "error_rate"]
    for name, accuracy, shares, sharpness in (
        ("accuracy 0.5, 10 classes", 0.5, (0.1,) * 10, 1.0),
        ("accuracy 0.9, 2 classes", 0.9, (0.5, 0.5), 1.0),
        ("accuracy 0.99, 2 classes", 0.99, (0.5, 0.5), 1.0),
        ("accuracy 0.99, 2 classes, overconfident", 0.99, (0.5, 0.5), 2.0),
        ("accuracy 0.9, 3 classes", 0.9, (1 / 3,) * 3, 1.0),
        ("accuracy 0.99, 3 classes", 0.99, (1 / 3,) * 3, 1.0),
        ("accuracy 0.998, a class of 2 %", 0.998, (0.98, 0.02), 1.0),
        ("accuracy 0.9, 3 classes, one of 2 %", 0.9, (0.49, 0.49, 0.02), 1.0),
        ("accuracy 0.9, 10 classes", 0.9, (0.1,) * 10, 1.0),
    ):
        yield World(name, partial(_classes, accuracy, shares, sharpness), CLASSES, names)
    for separation in (2, 4):
        name = f"scores of Student's t3, {separation} apart"
        yield World(name, partial(_heavy_tailed, separation), CLASSES, ("auroc", "average_precision"))
    for rate in (0.02, 0.3):
        for count in (5, 20):
            name = f"{count} labels of {rate:.0%}"
            metrics = multilabel_metrics()
            yield World(name, partial(_labels, rate, count), metrics, list(metrics.metrics))
    errors = {
        "normal": lambda size, draw: draw.normal(size=size),
        "Student's t3": lambda size, draw: draw.standard_t(3, size=size),
        "lognormal": lambda size, draw: np.exp(draw.normal(size=size)),
    }
    for name, draw in errors.items():
        yield World(f"{name} errors", partial(_numbers, draw), NUMBERS, ("mae", "rmse", "r2"))
    skewed = {
        "exponential": lambda size, draw: 3 * draw.exponential(size=size),
        "lognormal": lambda size, draw: 3 * np.exp(draw.normal(size=size)),
    }
    for target, targets in skewed.items():
        for name in ("normal", "Student's t3"):
            draw = partial(_numbers, errors[name], targets=targets)
            yield World(f"{target} targets, {name} errors", draw, NUMBERS, ("r2",))


def interval_rows(world: World, repetitions: int) -> list[Row]:
    """How often each metric's interval holds the truth, by the number of items."""
    truth = world.truth()
    rows: dict[str, Row] = {name: {"truth": world.name, "metric": name} for name in world.names}
    for size in _SIZES:
        ends: dict[str, list[tuple[float, float]]] = {name: [] for name in world.names}
        for step in range(repetitions):
            arrays = world.draw(size, np.random.default_rng((_SEED, step, size)))
            for name, score in world.metrics.evaluate(*arrays, names=world.names, seed=step).items():
                ends[name].append((score.low, score.high))
        for name in world.names:
            rows[name][f"{size} items"] = _covered(np.array(ends[name]), truth[name])
    return list(rows.values())


def _covered(ends: np.ndarray, truth: float) -> str:
    shown = ~np.isnan(ends).any(axis=1)
    low, high = ends[shown].T
    # Up to rounding, as a perfect score's interval may end at 1.
    held = (low <= truth + 1e-9) & (high >= truth - 1e-9)
    if shown.mean() < _SELDOM:
        return "not shown"
    return _share(held) + ("" if shown.all() else f", {100 * shown.mean():.0f} % shown")


def _share(held: np.ndarray) -> str:
    """A share of draws with its standard error, in per cent."""
    share = held.mean()
    return f"{100 * share:.1f} ± {100 * np.sqrt(share * (1 - share) / len(held)):.1f} %"


def grouped_rows(repetitions: int) -> Iterator[Row]:
    """Ten items a group, some of them copies of the group's first; a model's accuracy, and two models beside it."""
    for count in (10, 30, 100):
        for name, copied in _COPIES.items():
            groups, ends, kinds = np.repeat(np.arange(count), 10), [], []
            for step in range(repetitions):
                draw = np.random.default_rng((_SEED, step, count))
                ours, theirs = (_one_hot(_copies(count, copied, draw)) for _ in range(2))
                targets = np.zeros(10 * count, dtype=np.int64)
                score = CLASSES.evaluate(ours, targets, names=["accuracy"], groups=groups)["accuracy"]
                ends.append((score.low, score.high))
                gaps = (ours - theirs)[:, 0].reshape(count, 10).sum(axis=1)
                if abs(gaps.sum()) < _FAR * np.sqrt((gaps**2).sum()):
                    kinds.append("indistinguishable")
                    continue
                other = BaselineResult("other", {"test": theirs}, 0.0)
                options = {"part": "test", "metrics": CLASSES, "groups": groups}
                kinds.append(verdict(ours, targets, [other], **options).kind)
            what = {"truth": f"accuracy 0.9, {count} groups of 10, {name}", "metric": "accuracy"}
            yield what | {"interval": _covered(np.array(ends), 0.9)} | _told(kinds)


def best_of_rows(repetitions: int, ks: Sequence[int] = _BASELINES) -> Iterator[Row]:
    """A model that is as good as the best of k baselines: all of them right on 0.85 of the items, or one alone."""
    for shared in (0.0, 0.7):
        for size in (100, 500):
            for k in ks:
                for others, name in ((0.85, "equally good"), (0.835, "one as good, others 1.5 points worse")):
                    if others == 0.85 or k in (4, 12):
                        kinds = _verdicts(0.85, others, shared, size, k, repetitions)
                        what = f"{_count(k)}, {name}, {size} items, shared difficulty {shared:g}"
                        yield {"truth": what, "metric": "accuracy"} | _told(kinds)


def power_rows(repetitions: int) -> Iterator[Row]:
    """How often a model is called better that is, by so many points, than 1 or 6 baselines that are equally good."""
    for k in (1, 6):
        for gain in _GAINS:
            row: Row = {
                "truth": f"{gain} points better than {_count(k)}, shared difficulty 0.7",
                "metric": "accuracy",
            }
            for size in _ITEMS:
                kinds = _verdicts(0.85 + gain / 100, 0.85, 0.7, size, k, repetitions)
                row[f"called better, {size} items"] = _share(np.array([kind == "better" for kind in kinds]))
            yield row


def _verdicts(own: float, others: float, shared: float, size: int, k: int, repetitions: int) -> list[str]:
    """Verdicts on a model of some accuracy beside one baseline that is right on 0.85 of the items and k - 1 others."""
    kinds, targets = [], np.zeros(size, dtype=np.int64)
    limits = np.array([NormalDist().inv_cdf(accuracy) for accuracy in (own, 0.85, *[others] * (k - 1))])
    aside = min(4 * size // 3, 2_000)
    for step in range(repetitions):
        draw = np.random.default_rng((_SEED, step, size))
        hard = np.sqrt(shared) * draw.normal(size=(size + aside, 1))
        right = hard + np.sqrt(1 - shared) * draw.normal(size=(size + aside, k + 1)) < limits
        # Without a McNemar p below 0.05 beside any of them there is no verdict to look at.
        only_ours = (right[:size, :1] & ~right[:size, 1:]).sum(axis=0)
        only_theirs = (~right[:size, :1] & right[:size, 1:]).sum(axis=0)
        if (2 * bdtr(np.minimum(only_ours, only_theirs), only_ours + only_theirs, 0.5)).min() >= ALPHA:
            kinds.append("indistinguishable")
            continue
        ours, *theirs = (_one_hot(column) for column in right[:size].T)
        scores = right[size:, 1:].mean(axis=0)
        baselines = [
            BaselineResult(str(index), {"test": answers}, 0.0, train_score=float(score))
            for index, (answers, score) in enumerate(zip(theirs, scores, strict=True))
        ]
        kinds.append(verdict(ours, targets, baselines, part="test", metrics=CLASSES).kind)
    return kinds


def _told(kinds: Sequence[str]) -> Row:
    return {f"called {kind}": _share(np.array([told == kind for told in kinds])) for kind in ("better", "worse")}


def _count(k: int) -> str:
    return f"{k} baseline{'s' * (k > 1)}"


def _one_hot(right: np.ndarray) -> np.ndarray:
    return np.eye(2)[1 - right.astype(np.int64)]


def _copies(count: int, copied: float, draw: np.random.Generator) -> np.ndarray:
    """Right or wrong, ten items a group, the first of them copied so often."""
    right = draw.random((count, 10)) < 0.9
    right[:, : round(10 * copied)] = right[:, :1]
    return right.ravel()


def _classes(
    accuracy: float, shares: tuple[float, ...], sharpness: float, size: int, draw: np.random.Generator
) -> Arrays:
    """Calibrated probabilities of classes that overlap; overconfident with a sharpness above 1."""
    return _overlapping(_separation(accuracy, shares), shares, sharpness, size, draw)


def _overlapping(
    separation: float, shares: tuple[float, ...], sharpness: float, size: int, draw: np.random.Generator
) -> Arrays:
    targets = draw.choice(len(shares), size=size, p=shares)
    seen = draw.normal(size=(size, len(shares))) + separation * np.eye(len(shares))[targets]
    logits = sharpness * (separation * seen + np.log(shares))
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True), targets


@cache
def _separation(accuracy: float, shares: tuple[float, ...]) -> float:
    """How far apart classes lie for the best guess to be right so often."""
    low, high = 0.0, 12.0
    for _ in range(25):
        middle = (low + high) / 2
        arrays = _overlapping(middle, shares, 1.0, _TRIED, np.random.default_rng(0))
        low, high = (middle, high) if CLASSES.score(*arrays) < accuracy else (low, middle)
    return low


def _heavy_tailed(separation: float, size: int, draw: np.random.Generator) -> Arrays:
    """Two classes whose scores lie so far apart and now and then very far off."""
    targets = draw.integers(2, size=size)
    score = 1 / (1 + np.exp(-(draw.standard_t(3, size=size) + separation * (targets - 0.5)) / 5))
    return np.column_stack([1 - score, score]), targets


def _labels(rate: float, count: int, size: int, draw: np.random.Generator) -> Arrays:
    """Labels that an item has or has not, told by scores that lie 1.5 standard deviations apart."""
    targets = draw.random((size, count)) < rate
    seen = draw.normal(size=(size, count)) + 0.5 * draw.normal(size=(size, 1)) + 1.5 * targets
    return 1 / (1 + np.exp(-1.5 * (seen - 2))), targets.astype(np.float64)


def _normal(size: tuple[int, int], draw: np.random.Generator) -> np.ndarray:
    return 3 * draw.normal(size=size)


def _numbers(
    errors: Callable[..., np.ndarray],
    size: int,
    draw: np.random.Generator,
    targets: Callable[..., np.ndarray] = _normal,
) -> Arrays:
    values = targets((size, 1), draw)
    return values + errors((size, 1), draw), values


def main() -> None:
    """Shows the tables of a run with so many draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--verdicts", type=int, default=2_000)
    options = parser.parse_args()
    print("\n".join(tables(run(options.repetitions, options.verdicts))))


if __name__ == "__main__":
    main()
