"""Networks for ratings: a vector and a bias for each user and each item (Koren, Bell and Volinsky 2009).

"Matrix factorization techniques for recommender systems", Computer 42(8). A careful dot product is hard to beat with a
network in its place (Rendle et al. 2020, arXiv:2005.09683), so the neural variant here adds to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from headway.errors import ConfigError, did_you_mean
from headway.inputs.ratings.field import Ratings
from headway.train.model import Model
from headway.train.options import Options
from headway.train.recipe import Recipe

__all__ = ["ARCHITECTURES", "RECIPE", "CollabMlp", "DotProduct", "Factors", "build", "recipe_for"]

DIM = 50
WIDTH = 100
DROPOUT = 0.2
MLP_RATE = 0.1

# The share of users, and of items, that training takes as new ones, so that index 0 learns to stand for these.
HIDDEN = 0.02

# Chosen on a tenth of the training rows of MovieLens 100k, set aside, as is what else is constant here. Weight decay
# acts at every step, so it is right for one number of steps an epoch: batches grow with the data (Wang and Aitchison
# 2024, arXiv:2405.13698).
RECIPE = Recipe(
    lr=1e-2, options=Options(weight_decay=1.0), min_epochs=10, max_epochs=10, steps=100, max_batch_size=2**17
)

# Ratings of a name, user or item, for which that weight decay was chosen.
USUAL = 27.0


class Factors(nn.Module):
    """A vector and a bias for each user and for each item, index 0 counted, and one bias for all."""

    def __init__(self, num_users: int, num_items: int) -> None:
        super().__init__()
        self.users = nn.Embedding(num_users, DIM)
        self.items = nn.Embedding(num_items, DIM)
        self.user_bias = nn.Parameter(torch.zeros(num_users))
        self.item_bias = nn.Parameter(torch.zeros(num_items))
        self.bias = nn.Parameter(torch.zeros(1))
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=0.01)

    def forward(self, pairs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Pairs of indices, `[batch, 2]`, to the users' and the items' vectors, `[batch, DIM]`, and bias, `[batch]`."""
        indices = pairs.long()
        if self.training:
            # Torch's generator is seeded anew at every step, so these draws are counted as well.
            indices = indices.masked_fill(torch.rand(indices.shape, device=indices.device) < HIDDEN, 0)
        users, items = indices[:, 0], indices[:, 1]
        return self.users(users), self.items(items), self.bias + self.user_bias[users] + self.item_bias[items]


class DotProduct(nn.Module):
    """The dot product of the user's vector and the item's, and their biases.

    Example:
        >>> model = DotProduct(Factors(3, 4)).eval()
        >>> model(torch.tensor([[1.0, 2.0], [0.0, 3.0]])).shape
        torch.Size([2, 1])
    """

    def __init__(self, factors: Factors) -> None:
        super().__init__()
        self.factors = factors

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Pairs of indices, whole numbers as float32 `[batch, 2]`, to outputs `[batch, 1]`."""
        users, items, bias = self.factors(inputs)
        return ((users * items).sum(dim=1) + bias)[:, None]


class CollabMlp(nn.Module):
    """The dot product with biases, and what a small network makes of both vectors beside it, which begins at nothing.

    Source:
        He et al. 2017, arXiv:1708.05031 (NeuMF); here both parts share their vectors.
    """

    def __init__(self, factors: Factors) -> None:
        super().__init__()
        self.factors = factors
        last = nn.Linear(WIDTH, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.mlp = nn.Sequential(nn.Linear(2 * DIM, WIDTH), nn.ReLU(), nn.Dropout(DROPOUT), last)
        # The network learns, and is decayed, more slowly than the vectors, of which a batch holds only a few.
        self.lr_factors = {"mlp": MLP_RATE}

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Pairs of indices, whole numbers as float32 `[batch, 2]`, to outputs `[batch, 1]`."""
        users, items, bias = self.factors(inputs)
        return ((users * items).sum(dim=1) + bias)[:, None] + self.mlp(torch.cat([users, items], dim=1))


# By name, the default first.
ARCHITECTURES: dict[str, Callable[[Factors], nn.Module]] = {"collab_mlp": CollabMlp, "dot_product": DotProduct}


def recipe_for(input: Ratings) -> Recipe:
    """The recipe with more weight decay where a name has fewer ratings, since each then says less.

    With a third and a tenth of MovieLens's training rows twice and four times as much was best, of 1, 2, 4 and 8.

    Example:
        >>> from headway.inputs.base import learned
        >>> field = learned(Ratings("user", "item"), num_ratings=80)
        >>> recipe_for(field).options.weight_decay
        0.5
    """
    ratings = max(input.num_ratings, 1) / max(len(input.users) + len(input.items), 1)
    weight_decay = min(max((USUAL / ratings) ** (2 / 3), 0.5), 8.0) * RECIPE.options.weight_decay
    return replace(RECIPE, options=replace(RECIPE.options, weight_decay=weight_decay))


def build(arch: str | None, input: Ratings) -> Model:
    """A model for ratings, by a key of `ARCHITECTURES`, the first when left out.

    Its first outputs are near 0, which `ToUnit` makes the mean of the training rows.
    """
    name = arch or next(iter(ARCHITECTURES))
    if name not in ARCHITECTURES:
        what = "Unknown architecture for ratings."
        fix = f"{did_you_mean(name, ARCHITECTURES)} Or pass a module of your own."
        raise ConfigError(what, given=repr(name), fix=fix)
    factors = Factors(len(input.users) + 1, len(input.items) + 1)
    return Model(ARCHITECTURES[name](factors), recipe=recipe_for(input), arch=name)
