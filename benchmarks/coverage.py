"""How often do 95 % intervals hold the truth, and how often does a verdict say what is not so?

Predictions are drawn again and again from a known truth, and judged as a report judges them. Of the
intervals that are shown the table says how many hold the truth: 92 to 98 % is what a nominal 95 % should come to. Where
too few items of a class are there for that, none is shown. At the end two models, or a model and the best of
k baselines, are equally good: "better" and "worse" are false there, and 2.5 % of either is what is allowed; the last
column is the power to tell a model that is 3 points better.
`python -m benchmarks.coverage --repetitions 60` is a small size, in under a minute.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from statistics import NormalDist

import numpy as np

from benchmarks.results import Row, table
from headway.judge.baselines.run import BaselineResult
from headway.judge.metric import TaskMetrics
from headway.judge.verdict import verdict
from headway.targets.categories.metrics import multilabel_metrics
from headway.targets.category.metrics import METRICS as CLASSES
from headway.targets.number.metrics import METRICS as NUMBERS

Arrays = tuple[np.ndarray, np.ndarray]
# The items of which a metric's value is taken for the truth.
_MANY = 400_000
_SIZES = (30, 100, 500)
# In fewer of the draws an interval is shown too seldom to say how often it holds.
_SELDOM = 0.1
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


def run(repetitions: int = 400) -> list[Row]:
    """Intervals of items, intervals of groups, verdicts on groups, and verdicts against the best of k baselines."""
    return [
        *(row for world in worlds() for row in interval_rows(world, repetitions)),
        *grouped_rows(repetitions),
        *best_of_rows(repetitions),
    ]


def worlds() -> Iterator[World]:
    """Classes, labels and numbers, as easy and as rare as they come."""
    names = [name for name in CLASSES.metrics if name != "error_rate"]
    for name, accuracy, shares, sharpness in (
        ("accuracy 0.5, 10 classes", 0.5, (0.1,) * 10, 1.0),
        ("accuracy 0.9, 2 classes", 0.9, (0.5, 0.5), 1.0),
        ("accuracy 0.99, 2 classes", 0.99, (0.5, 0.5), 1.0),
        ("accuracy 0.99, 2 classes, too sure", 0.99, (0.5, 0.5), 2.0),
        ("accuracy 0.9, 3 classes", 0.9, (1 / 3,) * 3, 1.0),
        ("accuracy 0.99, 3 classes", 0.99, (1 / 3,) * 3, 1.0),
        ("accuracy 0.998, a class of 2 %", 0.998, (0.98, 0.02), 1.0),
        ("accuracy 0.9, 3 classes, one of 2 %", 0.9, (0.49, 0.49, 0.02), 1.0),
        ("accuracy 0.9, 10 classes", 0.9, (0.1,) * 10, 1.0),
    ):
        yield World(name, partial(_classes, accuracy, shares, sharpness), CLASSES, names)
    for rate in (0.02, 0.3):
        for count in (5, 20):
            name = f"{count} labels of {rate:.0%}"
            yield World(
                name, partial(_labels, rate, count), multilabel_metrics(), ("mean_average_precision", "log_loss")
            )
    errors = {
        "normal": lambda size, draw: draw.normal(size=size),
        "Student's t3": lambda size, draw: draw.standard_t(3, size=size),
        "lognormal": lambda size, draw: np.exp(draw.normal(size=size)),
    }
    for name, draw in errors.items():
        yield World(f"{name} errors", partial(_numbers, draw), NUMBERS, ("mae", "rmse", "r2"))


def interval_rows(world: World, repetitions: int) -> list[Row]:
    """How often each metric's interval holds the truth, by the number of items."""
    truth = world.truth()
    rows: dict[str, Row] = {name: {"truth": world.name, "metric": name} for name in world.names}
    for size in _SIZES:
        ends: dict[str, list[tuple[float, float]]] = {name: [] for name in world.names}
        for step in range(repetitions):
            arrays = world.draw(size, np.random.default_rng((step, size)))
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
    return f"{100 * held.mean():.1f} %" + ("" if shown.all() else f" of {100 * shown.mean():.0f} % shown")


def grouped_rows(repetitions: int) -> Iterator[Row]:
    """Ten items a group, some of them copies of the group's first; a model's accuracy, and two models beside it."""
    for count in (10, 30, 100):
        for name, copied in _COPIES.items():
            groups, ends, kinds = np.repeat(np.arange(count), 10), [], []
            for step in range(repetitions):
                draw = np.random.default_rng((step, count))
                ours, theirs = (_one_hot(_copies(count, copied, draw)) for _ in range(2))
                targets = np.zeros(10 * count, dtype=np.int64)
                score = CLASSES.evaluate(ours, targets, names=["accuracy"], groups=groups)["accuracy"]
                ends.append((score.low, score.high))
                other = BaselineResult("other", {"test": theirs}, 0.0)
                options = {"part": "test", "metrics": CLASSES, "groups": groups}
                kinds.append(verdict(ours, targets, [other], **options).kind)
            what = {"truth": f"accuracy 0.9, {count} groups of 10, {name}", "metric": "accuracy"}
            yield what | {f"{10 * count} items": _covered(np.array(ends), 0.9)} | _told(kinds)


def best_of_rows(repetitions: int, ks: Sequence[int] = (1, 2, 4, 6, 12)) -> Iterator[Row]:
    """Model and baselines are right on 0.85 of the items; then the model on 0.88."""
    for shared in (0.0, 0.7):
        for size in (100, 500):
            for k in ks:
                equal, better = (_verdicts(gain, shared, size, k, repetitions) for gain in (0.0, 0.03))
                told = better.count("better") / repetitions
                name = f"as good as the best of {k} baselines, {size} items, shared difficulty {shared:g}"
                yield (
                    {"truth": name, "metric": "accuracy"}
                    | _told(equal)
                    | {"called better when 3 points better": f"{told:.1%}"}
                )


def _verdicts(gain: float, shared: float, size: int, k: int, repetitions: int) -> list[str]:
    kinds, targets = [], np.zeros(size, dtype=np.int64)
    limits = [NormalDist().inv_cdf(0.85 + gain)] + [NormalDist().inv_cdf(0.85)] * k
    for step in range(repetitions):
        draw = np.random.default_rng((step, size))
        hard = np.sqrt(shared) * draw.normal(size=(size, 1)) + np.sqrt(1 - shared) * draw.normal(size=(size, k + 1))
        ours, *others = (_one_hot(right) for right in (hard < limits).T)
        baselines = [BaselineResult(str(place), {"test": other}, 0.0) for place, other in enumerate(others)]
        kinds.append(verdict(ours, targets, baselines, part="test", metrics=CLASSES, seed=step).kind)
    return kinds


def _told(kinds: Sequence[str]) -> Row:
    return {f"called {kind}": f"{kinds.count(kind) / len(kinds):.1%}" for kind in ("better", "worse")}


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
    """Calibrated probabilities of classes that overlap; with a sharpness above 1 too sure of themselves."""
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
        arrays = _overlapping(middle, shares, 1.0, 100_000, np.random.default_rng(0))
        low, high = (middle, high) if CLASSES.score(*arrays) < accuracy else (low, middle)
    return low


def _labels(rate: float, count: int, size: int, draw: np.random.Generator) -> Arrays:
    """Labels that an item has or has not, told by scores that lie 1.5 standard deviations apart."""
    targets = draw.random((size, count)) < rate
    seen = draw.normal(size=(size, count)) + 0.5 * draw.normal(size=(size, 1)) + 1.5 * targets
    return 1 / (1 + np.exp(-1.5 * (seen - 2))), targets.astype(np.float64)


def _numbers(errors: Callable[..., np.ndarray], size: int, draw: np.random.Generator) -> Arrays:
    targets = 3 * draw.normal(size=(size, 1))
    return targets + errors((size, 1), draw), targets


def main() -> None:
    """Shows the tables of a run with so many repetitions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=400)
    print("\n".join(table(run(parser.parse_args().repetitions))))


if __name__ == "__main__":
    main()
