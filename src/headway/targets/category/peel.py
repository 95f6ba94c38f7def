"""One label out of several, in plain PyTorch."""

from __future__ import annotations

from typing import Any

import polars as pl
import torch

from headway.peel.facts import KindParts, Subject
from headway.peel.specialise import Known, constant
from headway.targets.category.field import Category

__all__ = ["parts"]


def parts(field: Category, subject: Subject) -> KindParts:
    """What classes bring to the file."""
    return KindParts(
        blocks={"targets": encode},
        known={
            "": {
                "facts.target": constant("TARGET", field.column),
                "facts.labels": constant("LABELS", list(field.labels)),
                "facts.loss_fn": Known("F.cross_entropy", needs="import torch.nn.functional as F"),
                "facts.moves": Known(value=False),
            }
        },
        columns=pl.DataFrame({field.column: field.values(subject.setup.data.items)}),
    )


def encode(facts: Any, items: pl.DataFrame) -> None:
    targets = torch.tensor([facts.labels.index(label) for label in items[facts.target]])
