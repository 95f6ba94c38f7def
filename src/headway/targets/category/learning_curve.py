"""How much more data would help: the head on frozen features, solved on growing shares of the training rows.

Sources:
    Cortes et al. 1994, "Learning curves: asymptotic values and rate of convergence"; Hestness et al. 2017,
    arXiv:1712.00409 (errors fall as a power of the number of items); Viering and Loog 2022, arXiv:2103.10948 (when
    they do not: why only measured sizes are given).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from headway.judge.grouped_items import of_groups
from headway.judge.intervals import Estimate, mean, student, wilson
from headway.judge.learning_curve import CurvePoint, LearningCurve
from headway.seeds import generator
from headway.targets.category.metrics import item_log_losses

__all__ = ["Solve", "learning_curve"]

# Features `[n, dim]`, targets `[n]` and new features `[m, dim]` to probabilities `[m, classes]` of the new ones.
Solve = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

# From all rows down to a 32nd of them.
MAX_HALVINGS = 5
MAX_DRAWS = 8
# Fewer items of a class than this, on average, and the curve shows how a class is missed rather than learned.
MIN_ITEMS_A_CLASS = 2


def learning_curve(
    train_features: np.ndarray,
    train_targets: np.ndarray,
    features: np.ndarray,
    targets: np.ndarray,
    *,
    num_classes: int,
    solve: Solve,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> LearningCurve:
    """Solve the head on growing shares of the training rows, and see what each next doubling brings.

    The sets of one draw are nested (each holds the one before) and stratified; small shares, whose results differ most
    from draw to draw, are drawn up to eight times.

    Features are what the frozen body makes of items, float `[items, dim]`, targets class indices `[items]`: first those
    to learn from, then those to judge by, which may come in groups, int64 `[items]`.
    """
    count = len(train_targets)
    fewest = min(MIN_ITEMS_A_CLASS * num_classes, count)
    # Each twice the one before: where errors fall as a power of the number of items, these are evenly spaced.
    sizes = sorted({count >> halvings for halvings in range(MAX_HALVINGS + 1) if count >> halvings >= fewest})
    orders = [_nested_order(train_targets, seed, draw) for draw in range(MAX_DRAWS)]
    correct, losses = [], []
    for size in sizes:
        draws = [np.sort(order[:size]) for order in orders[: _num_draws(size, count)]]
        solved = [solve(train_features[rows], train_targets[rows], features) for rows in draws]
        correct.append(np.stack([answers.argmax(1) == targets for answers in solved]).astype(np.float64))
        losses.append(np.stack([item_log_losses(answers, targets) for answers in solved]))
    return LearningCurve(
        points=tuple(
            CurvePoint(size, len(hits), _accuracy(hits, groups), _log_loss(nats, seed, groups))
            for size, hits, nats in zip(sizes, correct, losses, strict=True)
        ),
        num_judged=len(targets),
    )


def _num_draws(size: int, count: int) -> int:
    """As many as make up all rows twice: all sizes together take about seven times as long as all rows alone."""
    return 1 if size == count else min(MAX_DRAWS, max(2 * count // size, 2))


def _nested_order(targets: np.ndarray, seed: int, draw: int) -> np.ndarray:
    """A random order of the rows in which every beginning is stratified, and holds every class as soon as it can."""
    order = generator(seed, "head", epoch=draw).permutation(len(targets))
    progress = np.empty(len(targets))
    for label in np.unique(targets):
        rows = order[targets[order] == label]
        # How far into its class each row is: in this order, every beginning has all classes by their shares.
        progress[rows] = np.arange(len(rows)) / len(rows)
    return order[np.argsort(progress[order], kind="stable")]


def _accuracy(correct: np.ndarray, groups: np.ndarray | None) -> Estimate:
    judged, value = correct.shape[1], float(correct.mean())
    # One set of items is judged, however many sets were trained on: draws do not make it larger.
    estimate = wilson(round(value * judged), judged)
    if groups is not None:
        estimate = of_groups(estimate, correct.mean(0), groups, is_share=True)
    return _widened(value, estimate, correct, most=1.0)


def _log_loss(losses: np.ndarray, seed: int, groups: np.ndarray | None) -> Estimate:
    estimate = mean(losses.mean(0), seed=seed)
    if groups is not None:
        estimate = of_groups(estimate, losses.mean(0), groups, is_share=False)
    return _widened(estimate.value, estimate, losses)


def _widened(value: float, inner: Estimate, draws: np.ndarray, most: float = math.inf) -> Estimate:
    """Of draws `[draws, judged]`: the interval of the mean draw's items, widened by what differs between draws."""
    if inner.reason:
        return replace(inner, value=value)
    spread = _spread_of_mean(draws)
    low = value - math.hypot(inner.value - inner.low, spread)
    high = value + math.hypot(inner.high - inner.value, spread)
    return Estimate(value, max(low, 0.0), min(high, most))


def _spread_of_mean(values: np.ndarray) -> float:
    """Half of the interval that the draws' differences give their mean; 0 for one draw, of which it is not known."""
    draws = values.mean(1)
    if len(draws) < 2:
        return 0.0
    return student(len(draws) - 1) * float(draws.std(ddof=1)) / math.sqrt(len(draws))
