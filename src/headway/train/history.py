"""What happened in training, an entry an epoch, and its picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Epoch", "History", "Stage"]

# What was trained: the head alone on the frozen body's features, every layer, or the body on items without targets.
Stage = Literal["head", "all", "adapt"]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One epoch of one stage.

    Attributes:
        stage: "head" or "all"; "adapt" in what `Learner.adapt` gives.
        epoch: Its number within the stage, from 1.
        train_loss: Mean loss over the epoch's batches as they were trained on, augmented; for the head, over the
            training features.
        valid_loss: Mean loss on valid at the epoch's end.
        metrics: The metrics on valid, by name.
        lr: The learning rate of the last step; None for the head, which is solved and not stepped towards.
        seconds: Time of the epoch with its evaluation.
        is_mixed: Whether the targets were mixed or smoothed, so that `train_loss` is higher than it would be of plain
            ones, and no measure beside `valid_loss`.
    """

    stage: Stage
    epoch: int
    train_loss: float
    valid_loss: float
    metrics: dict[str, float]
    lr: float | None
    seconds: float
    is_mixed: bool = False

    def to_json(self) -> dict[str, Any]:
        """The epoch as plain JSON values, the metrics beside the rest."""
        # Of plain targets nothing is said: most runs have no others.
        values = asdict(self)
        metrics, is_mixed = values.pop("metrics"), values.pop("is_mixed")
        return {**values, **metrics, **({"is_mixed": True} if is_mixed else {})}


@dataclass(repr=False)
class History:
    """The epochs of a run in order, and what a reader of them must know.

    Attributes:
        epochs: The entries.
        notes: Sentences, such as why a stage was left out or its weights not kept.
    """

    epochs: list[Epoch] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def __repr__(self) -> str:
        metrics = self.epochs[-1].metrics if self.epochs else {}
        return f"History({len(self)} epochs{''.join(f', {name} {value:.4f}' for name, value in metrics.items())})"

    def _repr_html_(self) -> str:
        """What a notebook shows: a table with a row an entry, and the notes."""
        rows = self.to_json()
        names = [name for name in (rows[0] if rows else ()) if name != "is_mixed"]
        head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
        body = "".join(f"<tr>{''.join(f'<td>{_shown(row.get(name))}</td>' for name in names)}</tr>" for row in rows)
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return f"<table><tr>{head}</tr>{body}</table>{notes}" if rows else f"<p>No epochs yet.</p>{notes}"

    def to_json(self) -> list[dict[str, Any]]:
        """The epochs as plain JSON values."""
        return [epoch.to_json() for epoch in self.epochs]

    def plot(self) -> Figure:
        """A figure of the losses and of each metric over the epochs."""
        from headway.system.figures import new_figure

        names = list(self.epochs[0].metrics) if self.epochs else []
        figure, axes = new_figure(columns=1 + len(names), width=4.5, height=3.2)
        # By the entry: the head's epoch is 1, and so is the first one that trains every layer.
        at = range(1, len(self.epochs) + 1)
        axes[0].plot(at, [epoch.train_loss for epoch in self.epochs], marker="o", label="train")
        axes[0].plot(at, [epoch.valid_loss for epoch in self.epochs], marker="o", label="valid")
        axes[0].set(xlabel="epoch", ylabel="loss")
        axes[0].legend()
        for metric_axes, name in zip(axes[1:], names, strict=True):
            metric_axes.plot(at, [epoch.metrics[name] for epoch in self.epochs], marker="o", color="C1")
            metric_axes.set(xlabel="epoch", ylabel=f"{name} on valid")
        return figure


def _shown(value: object) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else escape(str(value))
