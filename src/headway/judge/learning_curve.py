"""How much more data have helped, as a report says and draws it: accuracy and log loss by the number of items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from headway.as_json import AsJson
from headway.judge.intervals import Estimate

if TYPE_CHECKING:
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
        num_judged: Items that the points were measured on.
    """

    json_also: ClassVar[tuple[str, ...]] = ("sentence",)

    points: tuple[CurvePoint, ...]
    num_judged: int

    @property
    def sentence(self) -> str:
        """The accuracy with all items and with the next smaller number of them, in words."""
        # What was measured, and no more: a law through these sizes says little about a size that was never tried.
        shares = [
            f"{_percent(score)} with {point.num_items:,} training items"
            for point in reversed(self.points[-2:])
            for score in [point.accuracy]
        ]
        return f"The head on frozen features is right on {', and on '.join(shares)}."

    def plot(self) -> Figure:
        """Accuracy and log loss over the number of items, with intervals."""
        from headway.system.figures import new_figure

        figure, panels = new_figure(columns=2, width=4.5, height=3.4)
        sizes = [point.num_items for point in self.points]
        for axes, name in zip(panels, ("accuracy", "log_loss"), strict=True):
            scores: list[Estimate] = [getattr(point, name) for point in self.points]
            # Matplotlib takes lengths of the bars, not their ends.
            reach = [[score.value - score.low for score in scores], [score.high - score.value for score in scores]]
            axes.errorbar(sizes, [score.value for score in scores], yerr=reach, fmt="o-", capsize=3)
            axes.set_xscale("log", base=2)
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=45)
            axes.set(xlabel="training items", ylabel=name.replace("_", " "))
        return figure


def _percent(score: Estimate) -> str:
    return f"{score.value:.1%}" if score.reason else f"{score.value:.1%} [{score.low:.1%}, {score.high:.1%}]"
