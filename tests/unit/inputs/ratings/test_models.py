from __future__ import annotations

from functools import cache

import polars as pl
import pytest
import torch

from headway.errors import ConfigError
from headway.inputs.base import learned
from headway.inputs.ratings.field import Ratings
from headway.inputs.ratings.models import (
    ARCHITECTURES,
    DIM,
    HIDDEN,
    RECIPE,
    Factors,
    recipe_for,
)
from headway.targets.number.field import Number
from headway.train.make_model import make_model
from headway.train.optimizers import make_optimizer

ROWS = pl.DataFrame({"user": ["a", "b", "c"] * 4, "item": [1, 2, 3, 4] * 3, "rating": [1.0, 4.0, 4.0, 4.0] * 3})
TARGET = Number("rating", low=1, high=5).fit(ROWS)


@cache
def pair() -> Ratings:
    return Ratings("user", "item").fit(ROWS)


@pytest.mark.parametrize("arch", [None, *ARCHITECTURES])
@pytest.mark.parametrize("target", [TARGET, Number("rating").fit(ROWS)], ids=["range", "no range"])
def test_it_starts_at_the_mean_of_the_training_rows(arch: str | None, target: Number) -> None:
    built = make_model(arch, pair(), target)
    with torch.no_grad():
        outputs = built.module.eval()(torch.tensor([[1.0, 2.0], [0.0, 0.0]]))
        answers = target.objective().activate(outputs)
    assert outputs.shape == (2, 1)
    assert answers.flatten().tolist() == pytest.approx([3.25, 3.25], abs=0.02)
    assert (built.arch, built.pretrained, built.recipe) == (arch or "collab_mlp", "", recipe_for(pair()))


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_the_same_seed_gives_the_same_model(arch: str) -> None:
    first, second, other = (make_model(arch, pair(), TARGET, seed=seed).module.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["factors.users.weight"], other["factors.users.weight"])


def test_a_few_users_and_items_are_hidden_while_training_and_none_afterwards() -> None:
    factors = Factors(2, 3)
    with torch.no_grad():
        factors.user_bias.copy_(torch.tensor([1.0, 0.0]))
        factors.item_bias.copy_(torch.tensor([10.0, 0.0, 0.0]))
    pairs = torch.tensor([[1.0, 2.0]]).repeat(20_000, 1)
    torch.manual_seed(0)
    bias = factors.train()(pairs)[2].detach()
    hidden_users, hidden_items = (bias % 10 == 1).double().mean().item(), (bias >= 10).double().mean().item()
    assert hidden_users == pytest.approx(HIDDEN, abs=0.004)
    assert hidden_items == pytest.approx(HIDDEN, abs=0.004)
    assert not factors.eval()(pairs)[2].any()


def test_biases_are_not_decayed_and_the_network_learns_more_slowly() -> None:
    model = make_model("collab_mlp", pair(), TARGET).module
    groups = {
        id(each): group for group in make_optimizer(model, weight_decay=1.0).param_groups for each in group["params"]
    }
    found = {name: groups[id(each)] for name, each in model.named_parameters()}
    assert [found[f"factors.{name}"]["weight_decay"] for name in ("users.weight", "user_bias", "bias")] == [1, 0, 0]
    assert [found[name]["lr_scale"] for name in ("factors.items.weight", "mlp.0.weight")] == [1, 0.1]


def test_the_network_begins_as_the_dot_product() -> None:
    dot, mlp = (make_model(arch, pair(), TARGET, seed=3).module.eval() for arch in ("dot_product", "collab_mlp"))
    mlp.get_submodule("factors").load_state_dict(dot.get_submodule("factors").state_dict())
    pairs = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert torch.equal(dot(pairs), mlp(pairs))
    assert dot.get_submodule("factors.users").weight.shape == (4, DIM)


def test_fewer_ratings_of_a_name_mean_more_weight_decay() -> None:
    decays = []
    for num_ratings in (27 * 7, 9 * 7, 3 * 7, 7):
        decays.append(recipe_for(learned(pair(), num_ratings=num_ratings)).options.weight_decay)
    assert decays[0] == RECIPE.options.weight_decay
    assert decays == sorted(decays)
    assert max(decays) == 8 * RECIPE.options.weight_decay


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        make_model("dot_produkt", pair(), TARGET)
    assert str(caught.value) == (
        "Unknown architecture for ratings.\n"
        "  Given: 'dot_produkt'\n"
        '  Fix:   Did you mean "dot_product"? Or pass a module of your own.'
    )
