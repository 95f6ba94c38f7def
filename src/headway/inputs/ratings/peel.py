"""Ratings in plain PyTorch: users and items as indices, and the network of their vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import torch

from headway.inputs.ratings.field import Ratings
from headway.inputs.ratings.models import ARCHITECTURES, Factors
from headway.inputs.table.parse_values import frequencies, texts_of
from headway.peel.facts import KindParts, Subject
from headway.peel.specialise import Known, constant
from headway.seeds import torch_seed

__all__ = ["parts"]


def parts(field: Ratings, subject: Subject) -> KindParts:
    """What ratings bring to the file."""
    items, model = subject.setup.data.items, ARCHITECTURES[subject.settings["arch"]]
    return KindParts(
        blocks={"data": read_pairs, "model": make_model},
        known={
            "": {
                "facts.user": constant("USER", field.user),
                "facts.item": constant("ITEM", field.item),
                "facts.make_model": Known(model.__name__, needs=model),
            }
        },
        columns=pl.DataFrame([texts_of(items[column]).alias(column) for column in field.columns]),
    )


def indices_of(texts: pl.Series, train: np.ndarray) -> tuple[np.ndarray, int]:
    """Names as indices, those with the most ratings first, 0 for what no training row has; and how many there are."""
    index = {text: number for number, (text, _) in enumerate(frequencies(texts[train]), start=1)}
    return np.array([index.get(text, 0) for text in texts], dtype=np.float32), 1 + len(index)


def read_pairs(facts: Any, items: pl.DataFrame, train: np.ndarray) -> None:
    users, num_users = indices_of(items[facts.user], train)
    rated, num_rated = indices_of(items[facts.item], train)
    pairs = np.stack([users, rated], axis=1)

    def inputs_of(positions: np.ndarray, epoch: int | None = None) -> torch.Tensor:
        """Pairs of indices as the model takes them, the same in each epoch: float32 `[batch, 2]`."""
        return torch.from_numpy(pairs[positions])


def make_model(facts: Any, num_users: int, num_rated: int) -> None:
    torch.manual_seed(torch_seed(facts.seed, "init"))
    model = facts.make_model(Factors(num_users, num_rated))
