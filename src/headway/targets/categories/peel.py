"""Several labels an item, or none, in plain PyTorch."""

from __future__ import annotations

from typing import Any

import polars as pl
import torch

from headway.peel.facts import KindParts, Subject
from headway.peel.specialise import Known, constant
from headway.targets.categories.field import Categories
from headway.targets.categories.objective import _label_losses
from headway.train.objective import TEMPERATURES

__all__ = ["parts"]


def parts(field: Categories, subject: Subject) -> KindParts:
    """What labels bring to the file."""
    encoded = field.encode(field.values(subject.setup.data.items))
    labels = [[label for label, is_own in zip(field.labels, row, strict=True) if is_own] for row in encoded.tolist()]
    return KindParts(
        blocks={"targets": encode},
        known={
            "": {
                "facts.target": constant("TARGET", field.column),
                "facts.labels": constant("LABELS", list(field.labels)),
                "facts.loss_fn": Known("F.binary_cross_entropy_with_logits", needs="import torch.nn.functional as F"),
                "facts.moves": Known(value=False),
            },
            "headway.train.objective": {
                "objective.temperatures": constant("TEMPERATURES", TEMPERATURES),
                "objective.item_losses(outputs / temperature, targets)": Known(
                    "label_losses(outputs / temperature, targets)", needs=_label_losses
                ),
            },
            "headway.train.mixup": {
                "objective.soften(targets)": Known("targets"),
                "objective.even": Known("0.5"),
            },
        },
        columns=pl.DataFrame({field.column: pl.Series(labels, dtype=pl.List(pl.String))}),
    )


def encode(facts: Any, items: pl.DataFrame) -> None:
    # Of each label 1 where the item has it, else 0.
    targets = torch.tensor([[float(label in labels) for label in facts.labels] for labels in items[facts.target]])
