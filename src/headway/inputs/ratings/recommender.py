"""What a model of ratings learned of users and items: the judge's functions, applied to a model and its data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from headway.data.dataset import PartName, part_with_rows
from headway.errors import ConfigError
from headway.inputs.ratings.embeddings import Embeddings, check_count
from headway.inputs.ratings.field import Ratings
from headway.inputs.ratings.models import Factors
from headway.inputs.ratings.ranking import rank_metrics
from headway.judge.intervals import Estimate
from headway.train.predictions import predict_arrays
from headway.train.stage import Setup

__all__ = ["Recommender"]


@dataclass(frozen=True)
class Recommender:
    """What a trained model of ratings learned of users and items. Made by `learner.recommender()`."""

    setup: Setup

    @property
    def users(self) -> Embeddings:
        """The users' vectors and biases; ConfigError if the model is of your own and has none."""
        return _embeddings(self._input.users, self._factors.users, self._factors.user_bias)

    @property
    def items(self) -> Embeddings:
        """The items' vectors and biases; ConfigError if the model is of your own and has none."""
        return _embeddings(self._input.items, self._factors.items, self._factors.item_bias)

    def recommend(self, user: Any, *, n: int = 10) -> list[tuple[str, float]]:
        """The `n` items with the best answers for a user, and these, best first.

        Those are left out that the user rated in the training rows. A user that these do not have gets what an average
        user likes.
        """
        check_count("n", n)
        items, train = self._input.items, self.setup.data.train
        user_index = self._input.read((user, None))[0]
        pairs = np.stack([np.full(len(items), user_index), np.arange(1, len(items) + 1)], axis=1)
        scores = predict_arrays(self.setup, pairs.astype(self._input.dtype))[:, 0]
        rated = train.canvases(np.arange(len(train)))
        # Index 0 is not a user: it stands for all that training did not have, who rated nothing.
        if user_index:
            scores[rated[rated[:, 0] == user_index, 1].astype(np.int64) - 1] = -np.inf
        best = [int(item) for item in np.argsort(-scores, kind="stable")[:n] if np.isfinite(scores[item])]
        return [(items[item], float(scores[item])) for item in best]

    def rank_metrics(
        self, part: PartName = "valid", *, k: int = 10, threshold: float | None = None
    ) -> dict[str, Estimate]:
        """Recall and NDCG of the model's first `k` of each user's held-out items; see `headway.inputs.ratings.ranking`.

        Args:
            part: Whose rows.
            k: How many items come first.
            threshold: Items rated at least so are liked; when left out, those rated at least the user's mean.
        """
        rows = part_with_rows(self.setup.data, part)
        answers, users = self.setup.predict(rows), np.array([str(user) for user in rows.items[self._input.user]])
        scores, ratings = (column[:, 0].astype(np.float64) for column in (answers.predictions, answers.targets))
        return rank_metrics(scores, ratings, users, k=k, threshold=threshold, seed=self.setup.seed)

    @property
    def _input(self) -> Ratings:
        assert isinstance(self.setup.data.input, Ratings)
        return self.setup.data.input

    @property
    def _factors(self) -> Factors:
        factors = getattr(self.setup.model, "factors", None)
        if not isinstance(factors, Factors):
            what = "The model has no `Factors`, which hold the vectors of users and items."
            fix = 'Train "dot_product" or "collab_mlp", or read the vectors from your own model.'
            raise ConfigError(what, given=type(self.setup.model).__name__, fix=fix)
        return factors


def _embeddings(names: tuple[str, ...], vectors: nn.Embedding, biases: torch.Tensor) -> Embeddings:
    """Without index 0, which stands for new users or items; biases are differences from the mean of the others."""
    bias = biases.detach().cpu().numpy()[1:]
    return Embeddings(names=names, vectors=vectors.weight.detach().cpu().numpy()[1:], biases=bias - bias.mean())
