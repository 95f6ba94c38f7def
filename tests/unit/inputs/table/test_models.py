from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from headway.errors import ConfigError
from headway.inputs.image.field import Image
from headway.inputs.registry import check_architecture
from headway.inputs.table.field import Table
from headway.inputs.table.models import (
    DIM,
    RECIPE,
    WIDTH,
    Categories,
    LearnedSelu,
    PiecewiseLinear,
    TabularModel,
    TangentLinear,
)
from headway.targets.category.field import Category
from headway.targets.number.field import Number
from headway.train.make_model import make_model
from headway.train.optimizers import lr_factors, make_optimizer
from headway.train.recipe import Recipe


def rows(*, count: int, sizes: list[int], numbers: int) -> torch.Tensor:
    draw = np.random.default_rng(0)
    parts = [draw.normal(size=(count, numbers)), *[draw.integers(0, size, (count, 1)) for size in sizes]]
    return torch.from_numpy(np.concatenate(parts, axis=1).astype(np.float32))


@pytest.mark.parametrize("sizes", [[], [2], [3, 12], [300]])
@pytest.mark.parametrize("numbers", [0, 1, 3])
def test_any_mixture_of_columns_gives_outputs_and_gradients(sizes: list[int], numbers: int) -> None:
    if not sizes and not numbers:
        return
    model = TabularModel(edges=[(-1.0, 0.0, 2.0)] * numbers, sizes=sizes, num_outputs=3)
    outputs = model(rows(count=5, sizes=sizes, numbers=numbers))
    assert outputs.shape == (5, 3)
    outputs.square().sum().backward()
    assert all(each.grad is not None for each in model.parameters())


def test_bins_are_filled_one_after_another() -> None:
    layer = PiecewiseLinear([(0.0, 1.0, 3.0), (0.0, 1.0)])
    with torch.no_grad():
        layer.weight.fill_(0)
        layer.weight[:, :, 0] = 1
        layer.slope.zero_()
    found = layer(torch.tensor([[-5.0, -5.0], [0.5, 0.5], [2.0, 2.0], [9.0, 9.0]])).view(4, 2, DIM)
    assert found[:, :, 0].tolist() == [[-5, -5], [0.5, 0.5], [2, 2], [9, 9]]
    # The second number has one bin alone.
    assert found[:, :, 1].tolist() == [[0, 0], [0.5, 0.5], [1.5, 1], [2, 1]]


def test_training_begins_with_straight_lines() -> None:
    layer = PiecewiseLinear([(0.0, 1.0, 3.0)])
    steps = torch.linspace(-2, 4, 7).view(-1, 1)
    found = layer(steps)
    assert torch.allclose(found.diff(dim=0), found.diff(dim=0)[:1].expand(6, -1), atol=1e-6)


def test_index_zero_is_nothing_and_indices_that_are_too_large_are_the_last() -> None:
    layer = Categories([3, 20])
    found = layer(torch.tensor([[0.0, 0.0], [2.0, 19.0], [7.0, 99.0]]))
    assert found.shape == (3, 2 + DIM)
    assert found[0].abs().sum() == 0
    assert found[1, :2].tolist() == [0, 1]
    assert torch.equal(found[1], found[2])
    assert torch.equal(layer(torch.tensor([[-3.0, -1.0]])), found[:1])


@pytest.mark.slow
def test_openvino_finds_no_bound_of_int64_numbers_that_it_takes_for_0() -> None:
    with warnings.catch_warnings():
        # The exporter's own.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(Categories([3, 20]), (torch.zeros(2, 2),), dynamo=True, verbose=False)
    assert program is not None
    assert "Clip" not in {node.op_type for node in program.model.graph}


def test_columns_with_many_categories_do_not_share_vectors() -> None:
    layer = Categories([12, 12])
    found = layer(torch.tensor([[5.0, 5.0]])).view(2, DIM)
    assert not torch.equal(found[0], found[1])


def test_a_tangent_layer_keeps_the_size_of_its_inputs() -> None:
    torch.manual_seed(0)
    layer = TangentLinear(400, 300)
    with torch.no_grad():
        layer.bias.zero_()
        assert layer(torch.randn(200, 400)).std().item() == pytest.approx(1, abs=0.05)


def test_selu_is_taken_by_shares() -> None:
    layer, numbers = LearnedSelu(2), torch.tensor([[-1.0, -1.0]])
    with torch.no_grad():
        layer.share[0] = 0.0
    assert layer(numbers).tolist()[0] == pytest.approx([-1.0, torch.selu(numbers)[0, 1].item()])


def test_rates_of_its_own_reach_the_optimizer() -> None:
    model = TabularModel(edges=[(0.0, 1.0)], sizes=[3], num_outputs=2)
    factors = lr_factors(model)
    assert factors["body.scale"] == 6
    assert factors["body.layers.0.weight"] == 1
    assert factors["body.layers.0.bias"] == factors["body.layers.1.share"] == 0.1
    assert factors["head.weight"] == WIDTH**-0.5
    optimizer = make_optimizer(model, weight_decay=0.1)
    found = {id(each): group for group in optimizer.param_groups for each in group["params"]}
    assert len(found) == len(list(model.parameters()))
    assert all(found[id(each)]["lr_scale"] == factors[name] for name, each in model.named_parameters())
    assert all((found[id(each)]["weight_decay"] > 0) == (each.ndim > 1) for each in model.parameters())


def test_a_model_that_asks_for_no_rates_has_one() -> None:
    assert set(lr_factors(nn.Linear(2, 2)).values()) == {1.0}
    assert len(make_optimizer(nn.Linear(2, 2)).param_groups) == 2


def test_fewer_epochs_for_more_rows() -> None:
    assert [RECIPE.epochs(count) for count in (100, 10**5, 10**6)] == [RECIPE.max_epochs, 15, RECIPE.min_epochs]
    assert Recipe().epochs(10**6) == 5


def test_few_rows_have_smaller_batches_at_a_smaller_rate() -> None:
    sizes = [RECIPE.batch_size(count) for count in (1, 77, 256, 600, 1_000, 20_000, 10**6)]
    assert sizes == [32, 32, 64, 128, 256, 256, 1024]
    assert [RECIPE.lr_with(size) for size in sizes] == pytest.approx([0.0025, 0.0025, 0.005, 0.01, 0.02, 0.02, 0.02])
    assert [Recipe().batch_size(count) for count in (1, 600, 3_200)] == [32, 32, 64]
    assert Recipe().lr_with(1) == Recipe().lr


FRAME = pl.DataFrame({"x": [0.5, 1.5, 2.5] * 4, "y": ["a", "b", "c"] * 4})


def test_a_table_gets_its_model_by_itself() -> None:
    field = Table(continuous=["x"]).fit(FRAME)
    built = make_model(None, field, Category("y").fit(FRAME), seed=3)
    assert (built.arch, built.pretrained, built.recipe) == ("realmlp", "", RECIPE)
    assert isinstance(built.module, TabularModel)
    again = make_model("realmlp", field, Category("y").fit(FRAME), seed=3)
    assert all(map(torch.equal, built.module.parameters(), again.module.parameters()))
    assert make_model(None, field, Number("x").fit(FRAME)).module(torch.zeros(2, 1)).shape == (2, 1)
    check_architecture("realmlp")


def test_an_architecture_for_photos_is_refused_for_tables() -> None:
    field = Table(continuous=["x"]).fit(FRAME)
    with pytest.raises(ConfigError) as caught:
        make_model("resnet18", field, Category("y").fit(FRAME))
    assert str(caught.value) == (
        "Unknown architecture for tables.\n"
        "  Given: 'resnet18'\n"
        '  Fix:   Leave it out for "realmlp", or pass a module of your own.'
    )


def test_the_architecture_for_tables_is_refused_for_photos() -> None:
    with pytest.raises(ConfigError, match="Unknown architecture"):
        make_model("realmlp", Image("file"), Category("y", labels=("a", "b")))


def test_the_learned_curve_is_torchs_selu_with_its_gradients() -> None:
    layer = LearnedSelu(3)
    with torch.no_grad():
        layer.share.copy_(torch.tensor([1.0, 0.25, 0.0]))
    given = torch.linspace(-12, 12, 481).repeat(3, 1).T.contiguous().requires_grad_()
    again = given.detach().clone().requires_grad_()
    share = layer.share.detach().clone().requires_grad_()
    expected = again + (torch.nn.functional.selu(again) - again) * share
    found = layer(given)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)
    found.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(given.grad, again.grad, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(layer.share.grad, share.grad, atol=1e-3, rtol=1e-5)
