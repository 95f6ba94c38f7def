"""How much more data would help, as a report says and draws it: accuracy and log loss by the number of items."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from headway.as_json import AsJson
from headway.judge.intervals import Estimate
from headway.judge.power_law import PowerLaw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CurvePoint", "LearningCurve"]


@dataclass(frozen=True)
class CurvePoint(AsJson):
    """One size.

    Attributes:
        num_items: Training items.
        num_draws: How many random sets of that size were solved on; the values are their means.
        accuracy: On the items judged; the interval is over these items and over the training sets.
        log_loss: In nats, as above.
    """

    num_items: int
    num_draws: int
    accuracy: Estimate
    log_loss: Estimate


@dataclass(frozen=True, kw_only=True)
class LearningCurve(AsJson):
    """How good the head on frozen features is, by the number of training items.

    It is about the head alone: training every layer may use more data better than this curve says.

    Attributes:
        points: From the fewest items to all.
        error_law: The power law of the error rate (1 - accuracy).
        loss_law: The power law of the log loss.
        gain: Expected gain of accuracy from twice the data, in points.
        loss_gain: Expected fall of the log loss from twice the data, in nats.
        num_judged: Items that the points were measured on.
    """

    json_also: ClassVar[tuple[str, ...]] = ("sentence",)

    points: tuple[CurvePoint, ...]
    error_law: PowerLaw
    loss_law: PowerLaw
    gain: Estimate
    loss_gain: Estimate
    num_judged: int

    @property
    def sentence(self) -> str:
        """What the curve says, in words; where it cannot be trusted, that it cannot."""
        last = self.points[-1]
        text = (
            f"With {last.num_items:,} training items the head on frozen features is right on {last.accuracy.value:.1%} "
            f"[{last.accuracy.low:.1%}, {last.accuracy.high:.1%}]"
        )
        if not self.error_law.is_trusted:
            return f"{text}. What more data would bring cannot be told: {self.error_law.doubt}."
        gain = self.gain
        if gain.high < 0.05:
            return f"{text}. Twice as many would change next to nothing (less than 0.1 points)."
        return (
            f"{text}. Twice as many would bring about {gain.value:.1f} points [{gain.low:.1f}, {gain.high:.1f}], by a "
            f"power law through {len(self.points)} sizes."
        )

    def to_json(self) -> dict[str, Any]:
        """The curve as plain JSON values."""
        found = super().to_json()
        return {"gain_points" if name == "gain" else name: each for name, each in found.items()}

    def expected(self, name: Literal["accuracy", "log_loss"]) -> tuple[str, np.ndarray, np.ndarray]:
        """What the law expects up to twice the data: how it is called, numbers of items, and values; empty without."""
        law = self.error_law if name == "accuracy" else self.loss_law
        if math.isnan(law.a):
            return "", np.empty(0), np.empty(0)
        sizes = np.geomspace(self.points[0].num_items, 2 * self.points[-1].num_items, 40)
        values = law(sizes)
        title = "power law" if law.is_trusted else "power law, not to be trusted"
        return title, sizes, 1 - values if name == "accuracy" else values

    def plot(self) -> Figure:
        """Accuracy and log loss over the number of items, with intervals, and the power laws up to twice the data."""
        from headway.system.figures import new_figure

        figure, (left, right) = new_figure(columns=2, width=4.5, height=3.4)
        self._draw(left, "accuracy")
        self._draw(right, "log_loss")
        return figure

    def _draw(self, axes: Axes, name: Literal["accuracy", "log_loss"]) -> None:
        estimates: list[Estimate] = [getattr(point, name) for point in self.points]
        sizes = [point.num_items for point in self.points]
        values = [each.value for each in estimates]
        reach = [[each.value - each.low for each in estimates], [each.high - each.value for each in estimates]]
        axes.errorbar(sizes, values, yerr=reach, fmt="o", capsize=3, label="measured")
        title, at, expected = self.expected(name)
        if title:
            axes.plot(at, expected, linestyle="--", color="C1", label=title)
        axes.set_xscale("log", base=2)
        axes.set_xticks([*sizes, 2 * sizes[-1]], [f"{size:,}" for size in [*sizes, 2 * sizes[-1]]], rotation=45)
        axes.set(xlabel="training items", ylabel=name.replace("_", " "))
        axes.legend()
