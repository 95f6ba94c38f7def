"""One label out of several, in plain PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import torch

from headway.peel.facts import KindParts, Subject
from headway.peel.specialise import Known, constant
from headway.targets.category.field import Category
from headway.targets.category.objective import _weighted
from headway.train.objective import TEMPERATURES, _by_label, _scaled

__all__ = ["parts"]


def parts(field: Category, subject: Subject) -> KindParts:
    """What classes bring to the file."""
    weights, log_loss = subject.settings["class_weights"], "import torch.nn.functional as F"
    by_label = [] if weights in (None, "balanced") else _by_label(weights, field.labels).tolist()
    return KindParts(
        blocks={"targets": encode},
        known={
            "": {
                "facts.target": constant("TARGET", field.column),
                "facts.labels": constant("LABELS", list(field.labels)),
                "facts.loss_fn": Known("loss_fn") if weights else Known("F.cross_entropy", needs=log_loss),
                "facts.moves": Known(value=False),
                "facts.has_weights": Known(value=weights is not None),
                "facts.is_balanced": Known(value=weights == "balanced"),
                "facts.class_weights": constant("CLASS_WEIGHTS", by_label, "of each label, in their order"),
            },
            "headway.train.objective": {
                "objective.temperatures": constant("TEMPERATURES", TEMPERATURES),
                "objective.item_losses(outputs / temperature, targets)": Known(
                    'F.cross_entropy(outputs / temperature, targets, reduction="none")', needs=log_loss
                ),
            },
            "headway.train.mixup": {
                "objective.soften(targets)": Known(f"F.one_hot(targets, {field.num_outputs}).float()", needs=log_loss),
                "objective.even": constant("EVEN", 1 / field.num_outputs, "the same for each label"),
            },
        },
        names={_weighted: "weighted_log_loss", _scaled: "with_mean_one"},
        columns=pl.DataFrame({field.column: field.values(subject.setup.data.items)}),
    )


def encode(facts: Any, items: pl.DataFrame, train: np.ndarray) -> None:
    targets = torch.tensor([facts.labels.index(label) for label in items[facts.target]])
    if facts.has_weights:
        counts = np.bincount(targets[train], minlength=facts.num_outputs)
        if facts.is_balanced:  # noqa: SIM108, each branch is written alone
            # The rarer a class, the more each of its items counts.
            weights = 1 / np.maximum(counts, 1)
        else:
            weights = np.array(facts.class_weights)
        loss_fn = _weighted(_scaled(weights, counts))
