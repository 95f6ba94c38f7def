"""What each token says of a text's class by itself: naive Bayes, beside what a network makes of all tokens together."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar
from torch import nn

from headway.inputs.text.tokenizer import PADDING
from headway.seeds import generator

__all__ = ["TokenScores"]

# What is added to each count, and the share of the scores that is added to the network's logits. Chosen on folds of
# training rows of rt_polarity (docs/text.md).
SMOOTHING = 0.1
SHARE = 0.5

# How sure the scores may be is found on texts that were not counted.
SCORED_FOLDS = 5


class TokenScores(nn.Module):
    """A score for each class, from how often the tokens of a text are in the texts of the other classes.

    All scores are 0 until a table of counts is put in. A token is weighed by how few texts have it, and one that no
    counted text has says nothing.

    Source:
        Complement naive Bayes: Rennie et al. 2003, "Tackling the poor assumptions of naive Bayes text classifiers";
        beside a discriminative model: Wang and Manning 2012, "Baselines and bigrams".

    Example:
        >>> scores = TokenScores(vocabulary=9, num_classes=2)
        >>> table, _ = scores.count(torch.tensor([[5, 8], [6, 8]] * 5), torch.tensor([0, 1] * 5), seed=0)
        >>> scores.put(table)
        >>> scores(torch.tensor([[5, 8], [6, 8], [7, 0]])).argmax(dim=1).tolist()
        [0, 1, 0]
    """

    table: torch.Tensor

    def __init__(self, vocabulary: int, num_classes: int, *, padding: int = PADDING) -> None:
        super().__init__()
        self.padding = padding
        # Of each token the weighed scores, and in the last column the square of its weight.
        self.register_buffer("table", torch.zeros(vocabulary, num_classes + 1))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens, int32 `[B, T]`, to scores, float32 `[B, classes]`."""
        return _scores_from(F.embedding(tokens, self.table).sum(dim=1))

    def count(self, texts: torch.Tensor, classes: torch.Tensor, *, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """What `put` takes, and scores of the same texts from folds that were counted without them.

        Args:
            texts: int32 `[texts, T]`, padded.
            classes: Of each text, int64 `[texts]`.
            seed: The run's seed, for the folds.

        Returns:
            float32 of the table's shape, and `[texts, classes]`.
        """
        rows, places = torch.nonzero(texts != self.padding, as_tuple=True)
        tokens, starts = texts[rows, places].long(), torch.searchsorted(rows, torch.arange(len(texts)))
        size, num_classes = len(self.table), self.table.shape[1] - 1
        folds = torch.from_numpy(generator(seed, "head").permutation(len(texts)) % SCORED_FOLDS)
        held_out = torch.zeros(len(texts), num_classes, dtype=torch.float64)
        for fold in range(SCORED_FOLDS):
            inside = (folds != fold)[rows]
            table = _count_table(tokens[inside], rows[inside], classes, size, num_classes)
            sums = F.embedding_bag(tokens, table, starts, mode="sum")
            held_out[folds == fold] = _scores_from(sums)[folds == fold]

        def loss(scale: float) -> float:
            return F.cross_entropy(scale * held_out, classes).item()

        best: Any = minimize_scalar(loss, bounds=(0.0, 10.0), method="bounded")
        scale = SHARE * best.x
        table = _count_table(tokens, rows, classes, size, num_classes)
        table[:, :-1] *= scale
        return table.float(), (scale * held_out).float()

    def put(self, table: torch.Tensor) -> None:
        """Has the scores go by a table that `count` gave."""
        self.table.copy_(table)


def _scores_from(sums: torch.Tensor) -> torch.Tensor:
    """From the sums of a text's tokens, `[texts, classes + 1]`; long texts are not surer than short ones."""
    return sums[:, :-1] / sums[:, -1:].clamp_min(1e-6).sqrt()


def _count_table(
    tokens: torch.Tensor, rows: torch.Tensor, classes: torch.Tensor, size: int, num_classes: int
) -> torch.Tensor:
    """The table, float64 `[size, num_classes + 1]`, of tokens in texts of these rows; `classes` are by row."""
    texts_with = torch.bincount(torch.unique(rows * size + tokens) % size, minlength=size)
    weight = torch.log((1 + len(torch.unique(rows))) / (1 + texts_with.double())) + 1
    weight[texts_with == 0] = 0
    length = torch.bincount(rows, weight[tokens].square()).sqrt().clamp_min(1e-3)
    within = torch.bincount(classes[rows] * size + tokens, weight[tokens] / length[rows], num_classes * size)
    of_class = within.view(num_classes, size)
    elsewhere = of_class.sum(dim=0) - of_class + SMOOTHING
    odds = -torch.log(elsewhere / elsewhere.sum(dim=1, keepdim=True))
    # What is the same for all classes changes nothing.
    return torch.cat([weight * (odds - odds.mean(dim=0)), weight.square()[None]]).T.contiguous()
