"""One number an item, in plain PyTorch."""

from __future__ import annotations

from typing import Any

import polars as pl
import torch

from headway.peel.facts import KindParts, Subject
from headway.peel.specialise import Known, constant
from headway.targets.number.field import Number
from headway.train.objective import ToUnit

__all__ = ["parts"]


def parts(field: Number, subject: Subject) -> KindParts:
    """What numbers bring to the file."""
    ends = {f"{owner}{name}": Known(value=getattr(field, name)) for name in ("low", "high") for owner in ("", "self.")}
    items = subject.setup.data.items
    return KindParts(
        blocks={"targets": encode},
        known={
            "": {
                "facts.target": constant("TARGET", field.column),
                "facts.low": Known(repr(field.low), field.low),
                "facts.high": Known(repr(field.high), field.high),
                "facts.has_ends": Known(value=field.low is not None or field.high is not None),
                "facts.loss_fn": Known("loss_fn"),
                "facts.moves": Known(value=False),
            },
            ToUnit: ends,
            "headway.train.mixup": {"objective.soften(targets)": Known("targets")},
        },
        methods={
            ToUnit: ("__init__", "_start_at", "forward")
            if field.low is None or field.high is None
            else ("__init__", "forward")
        },
        columns=pl.DataFrame({field.column: field.encode(field.values(items))[:, 0]}),
    )


def encode(facts: Any, items: pl.DataFrame, train: Any) -> None:
    targets = torch.from_numpy(items[facts.target].to_numpy().copy())[:, None]
    # The model's outputs are in standard deviations from the mean of the training rows.
    numbers = targets[train].double()
    of_train = numbers.mean().item(), numbers.std(correction=0).item()
    to_unit = ToUnit(*of_train, facts.low, facts.high) if facts.has_ends else ToUnit(*of_train)

    def loss_fn(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The mean squared error in standard deviations."""
        return ((to_unit(outputs) - targets) / to_unit.std).square().mean()
