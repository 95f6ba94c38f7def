"""Whether probabilities mean what they say: reliability, and one number that mends over-confidence.

A calibrated model is right in 80 of 100 answers that it gives a probability of 0.8. Networks are often surer than that.
Temperature scaling divides the logits by one number, which changes no answer, only how sure each is. The logarithm of
probabilities serves as logits: the two differ by a constant an item, which the softmax takes out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from headway.as_json import AsJson
from headway.judge.intervals import NAN, Z_SCORE, Estimate, mean, wilson
from headway.seeds import generator
from headway.targets.category.metrics import METRICS, NUM_BINS, confidence_bins, item_log_losses

__all__ = ["Calibration", "ReliabilityBin", "calibrate"]

_METRICS = ("log_loss", "expected_calibration_error")
# With fewer, a fifth is less than ten items, and a few of them decide the temperature.
_ENOUGH = 50
_FOLDS = 5
_COOLEST, _HOTTEST = 0.01, 100.0
# The logarithm of a temperature is taken to be normal about 0 with this spread, until items say otherwise: without
# errors the best temperature would be 0, and every answer certain. A handful of errors outweighs it.
_PRIOR = 1.5
# More items than this change a temperature by less than anybody would see.
_FITTED = 50_000


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin(AsJson):
    """Items whose answers are about equally sure; `confidence` is the mean probability of the answers."""

    count: int
    confidence: float
    accuracy: Estimate


@dataclass(frozen=True, kw_only=True)
class Calibration(AsJson):
    """How well probabilities are calibrated, and what temperature scaling would change.

    Attributes:
        bins: Reliability as it is: one a fifteenth of confidence that holds items, in order.
        bins_after: The same after scaling, cross-fitted; empty where it was not tried.
        temperature: What to divide the logits by, fitted on all items; above 1 where the model is over-confident. NaN
            where it was not tried. It is looked for between 0.01 and 100.
        before: Log loss and expected calibration error as they are.
        after: The same after scaling, each item by a temperature that was fitted without it; NaN where not tried.
        gain: By how much scaling lowers the log loss, item for item.
        reason: Why scaling was not tried; empty where it was.
    """

    json_also: ClassVar[tuple[str, ...]] = ("helps", "sentence")

    count: int
    bins: list[ReliabilityBin]
    bins_after: list[ReliabilityBin] = field(default_factory=list)
    temperature: Estimate = NAN
    before: dict[str, Estimate]
    after: dict[str, Estimate] = field(default_factory=lambda: dict.fromkeys(_METRICS, NAN))
    gain: Estimate = NAN
    reason: str = ""

    @property
    def helps(self) -> bool:
        """Whether scaling lowers the log loss beyond doubt: the interval of the gain leaves out 0."""
        return self.gain.low > 0

    @property
    def sentence(self) -> str:
        """The finding in words."""
        if self.reason:
            return f"Temperature scaling was not tried: {self.reason}."
        t = self.temperature
        shown = f"{t.value:.2f} [{t.low:.2f}, {t.high:.2f}]"
        if not self.helps:
            return (
                f"No scaling of the probabilities is needed: a temperature of {shown} does not clearly lower the loss."
            )
        kind = "Over-confident" if t.value > 1 else "Not confident enough"
        before, after = ([scores[name].value for name in _METRICS] for scores in (self.before, self.after))
        return (
            f"{kind}: a temperature of {shown} would lower the log loss from {before[0]:.3f} to {after[0]:.3f} and the "
            f"calibration error from {before[1]:.3f} to {after[1]:.3f}."
        )


def calibrate(probabilities: np.ndarray, targets: np.ndarray, *, seed: int = 0) -> Calibration:
    """Judge how well probabilities are calibrated, and try temperature scaling.

    The numbers after scaling are cross-fitted in five folds that hold the classes evenly, so that no item is judged by
    a temperature that saw it. The model was not trained on any of these items.

    Example:
        >>> sure = np.tile([[0.99, 0.01]], (100, 1))  # and right in 80 of 100
        >>> calibration = calibrate(sure, np.repeat([0, 1], [80, 20]))
        >>> calibration.helps, calibration.sentence[:14]
        (True, 'Over-confident')

    Source:
        Guo et al. 2017, arXiv:1706.04599. Here the temperature has a weak prior about 1, for models with few errors.
    """
    # A probability of zero counts as the smallest difference from one, as in the log loss.
    logits = np.log(np.maximum(probabilities, np.finfo(probabilities.dtype).eps), dtype=np.float64)
    as_it_is = Calibration(
        count=len(targets),
        bins=_reliability(probabilities, targets),
        before=METRICS.evaluate(probabilities, targets, names=_METRICS, seed=seed),
    )
    if len(targets) < _ENOUGH:
        return replace(as_it_is, reason=f"{len(targets)} items are too few; at least {_ENOUGH} are needed")
    if not np.ptp(logits, axis=1).any():
        return replace(as_it_is, reason="every class always has the same probability")
    rows = _drawn(np.arange(len(targets)), seed)
    value, low, high = (_temperature(logits, targets, rows, errors=errors) for errors in (0.0, -Z_SCORE, Z_SCORE))
    scaled = _cross_fitted(logits, targets, seed)
    return replace(
        as_it_is,
        bins_after=_reliability(scaled, targets),
        temperature=Estimate(value, min(low, value), max(high, value)),
        after=METRICS.evaluate(scaled, targets, names=_METRICS, seed=seed),
        gain=mean(item_log_losses(probabilities, targets) - item_log_losses(scaled, targets), seed=seed),
    )


def _temperature(logits: np.ndarray, targets: np.ndarray, rows: np.ndarray, *, errors: float = 0.0) -> float:
    """The temperature with the lowest loss on some rows, or where the slope is so many standard errors from zero."""
    from scipy.optimize import brentq

    own = logits[rows]
    # Adding a number to an item's logits changes nothing; with the largest at 0 no exponential overflows.
    own -= own.max(1, keepdims=True)
    hit = own[np.arange(len(own)), targets[rows]]

    # The slope of the loss by the inverse temperature grows with it and crosses zero once.
    def slope(log_inverse: float) -> float:
        weights = np.exp(own * math.exp(log_inverse))
        shares = weights / weights.sum(1, keepdims=True)
        expected = (shares * own).sum(1)
        effects = expected - hit
        if not errors:
            return math.exp(log_inverse) * float(effects.sum()) + log_inverse / _PRIOR**2
        # The larger of what the items show and what the probabilities at that temperature imply: the errors of a good
        # model are few, and too few to show it. Simulated, the interval covers 0.95 to 1.00 for a nominal 0.95.
        spread = max(float(effects.var()), float(((shares * own**2).sum(1) - expected**2).mean()))
        return float(effects.mean()) + errors * math.sqrt(spread / len(own))

    low, high = -math.log(_HOTTEST), -math.log(_COOLEST)
    if slope(low) >= 0:
        return _HOTTEST
    if slope(high) <= 0:
        return _COOLEST
    # In the logarithm, so that the tolerance is a share of the temperature.
    root: Any = brentq(slope, low, high, xtol=1e-4)
    return math.exp(-root)


def _cross_fitted(logits: np.ndarray, targets: np.ndarray, seed: int) -> np.ndarray:
    """Scaled probabilities, each fold's by the temperature of the others."""
    from scipy.special import softmax

    # By class, at random within it: dealt out in turn, every fold has all classes by their shares.
    order = np.lexsort((generator(seed, "bootstrap", epoch=2).random(len(targets)), targets))
    folds = np.empty(len(targets), dtype=np.int64)
    folds[order] = np.arange(len(targets)) % _FOLDS
    others = [_drawn(np.flatnonzero(folds != fold), seed) for fold in range(_FOLDS)]
    temperatures = np.array([_temperature(logits, targets, rows) for rows in others])
    return softmax(logits / temperatures[folds, None], axis=1)


def _drawn(rows: np.ndarray, seed: int) -> np.ndarray:
    """As many of the rows as a temperature is fitted on."""
    if len(rows) <= _FITTED:
        return rows
    return rows[np.sort(generator(seed, "bootstrap", epoch=1).choice(len(rows), _FITTED, replace=False))]


def _reliability(probabilities: np.ndarray, targets: np.ndarray) -> list[ReliabilityBin]:
    confidence, bins = confidence_bins(probabilities)
    right = probabilities.argmax(1) == targets
    counts, hits = np.bincount(bins, minlength=NUM_BINS), np.bincount(bins[right], minlength=NUM_BINS)
    sums = np.bincount(bins, confidence, NUM_BINS)
    return [
        ReliabilityBin(
            count=int(counts[k]), confidence=float(sums[k] / counts[k]), accuracy=wilson(int(hits[k]), int(counts[k]))
        )
        for k in np.flatnonzero(counts)
    ]
