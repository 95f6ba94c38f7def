from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar
from sklearn.linear_model import Ridge

import headway as hw
from headway.inputs.base import learned
from headway.targets.base import Target
from headway.train.aside import is_clearly_lower
from headway.train.linear_probe import solve_head
from headway.train.objective import TEMPERATURES, ToUnit, calibrated_losses

TARGETS: list[tuple[Target, torch.Tensor]] = [
    (hw.Category("label", labels=("a", "b", "c")), torch.tensor([0, 2, 1, 1])),
    (hw.Categories("tags", labels=("a", "b", "c")), torch.tensor([[0.0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1]])),
    (learned(hw.Number("age"), mean=40.0, std=12.0), torch.tensor([[30.0], [41.0], [55.0], [80.0]])),
    (learned(hw.Number("share", low=0, high=1), mean=0.3, std=0.2), torch.tensor([[0.0], [0.25], [0.5], [1.0]])),
    (learned(hw.Number("price", low=0), mean=3.0, std=2.0), torch.tensor([[0.0], [2.5], [5.0], [40.0]])),
    (
        learned(hw.Points("corners"), mean=(-0.5, 0.25), std=0.4),
        torch.tensor([[0.0, 0.5, 640, 480], [-1, 1, 100, 90], [0.1, 0.2, 50, 60], [2, 0, 10, 10]]),
    ),
]


@pytest.mark.parametrize(("target", "values"), TARGETS, ids=lambda each: type(each).__name__)
def test_an_items_loss_is_its_share_of_the_mean_and_has_its_gradient(target: Target, values: torch.Tensor) -> None:
    found = target.objective()
    outputs = torch.randn(len(values), target.num_outputs, generator=torch.Generator().manual_seed(0))
    items = found.item_losses(outputs, values)
    assert items.shape == (len(values),)
    torch.testing.assert_close(items.mean(), found.loss_fn(outputs, values))
    double = outputs.double().requires_grad_()
    wide = values.double() if values.is_floating_point() else values
    assert torch.autograd.gradcheck(lambda given: found.loss_fn(given, wide), double)
    assert found.activate(outputs).shape == outputs.shape


def test_without_a_range_an_output_is_a_number_of_standard_deviations() -> None:
    to_unit = ToUnit(40.0, 12.0)
    assert to_unit(torch.tensor([[0.0], [1.0], [-2.0]])).flatten().tolist() == [40, 52, 16]
    assert to_unit.losses(torch.tensor([[1.0]]), torch.tensor([[28.0]])).item() == 4


def test_within_a_range_it_starts_at_the_mean_as_steeply_and_stays_inside() -> None:
    to_unit = ToUnit(30.0, 5.0, 0.0, 120.0)
    outputs = torch.zeros(1, 1, requires_grad=True)
    answer = to_unit(outputs)
    answer.backward()
    assert outputs.grad is not None
    assert (answer.item(), outputs.grad.item()) == pytest.approx((30, 5))
    ends = to_unit(torch.tensor([[-1e3], [1e3]])).flatten().tolist()
    assert ends == pytest.approx([0, 120])
    # A column whose mean is an end of its range leaves room to learn.
    assert 0 < ToUnit(0.0, 1.0, 0.0, 1.0)(torch.zeros(1, 1)).item() < 0.05


@pytest.mark.parametrize(("low", "high", "sign"), [(10.0, None, 1.0), (None, 50.0, -1.0)])
def test_with_one_end_it_starts_at_the_mean_as_steeply_and_is_nearly_straight_away_from_the_end(
    low: float | None, high: float | None, sign: float
) -> None:
    to_unit = ToUnit(30.0, 5.0, low, high)
    outputs = torch.zeros(1, 1, requires_grad=True)
    answer = to_unit(outputs)
    answer.backward()
    assert outputs.grad is not None
    assert (answer.item(), outputs.grad.item()) == pytest.approx((30, 5))
    # Towards the end it flattens out; away from it an output is a number of standard deviations, as without an end.
    near, far, further = to_unit(sign * torch.tensor([[-1e3], [10.0], [11.0]])).flatten().tolist()
    assert near == pytest.approx(low if low is not None else high)
    assert further - far == pytest.approx(sign * 5, rel=0.05)
    # A column whose mean is at the end leaves room to learn.
    assert 0 < ToUnit(0.0, 1.0, 0.0)(torch.zeros(1, 1)).item() < 0.2


def rows(num_rows: int, dim: int, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    features = torch.randn(num_rows, dim, generator=draw)
    return features, features[:, :3].sum(dim=1, keepdim=True) + 0.5 * torch.randn(num_rows, 1, generator=draw)


def test_the_head_for_a_number_is_ridge_regression() -> None:
    features, numbers = rows(200, 20)
    numbers = 40 + 7 * numbers
    target = learned(hw.Number("age"), mean=numbers.mean().item(), std=numbers.std(correction=0).item())
    head = solve_head(features, numbers, target=target, seed=0, decays=(0.1,))
    spread = features.std(dim=0) + target.objective().floor * features.std()
    scaled = (features - features.mean(dim=0)) / spread
    # The mean squared error in standard deviations and half the decay; theirs is a sum, in the unit.
    ridge = Ridge(alpha=0.1 / 2 * len(numbers), tol=1e-8).fit(scaled.numpy(), numbers.numpy())
    answers = target.objective().activate(head(features)).numpy()
    np.testing.assert_allclose(answers[:, 0], ridge.predict(scaled.numpy()).ravel(), atol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("dim", [30, 2000])
def test_a_head_with_a_range_converges(dim: int) -> None:
    features, numbers = rows(150, dim)
    shares = torch.sigmoid(numbers)
    target = learned(hw.Number("share", low=0, high=1), mean=shares.mean().item(), std=shares.std().item())
    head = solve_head(features[:100], shares[:100], target=target, seed=0)
    assert head.held_out is not None
    error = (target.objective().activate(head(features[100:])) - shares[100:]).abs().mean()
    guess = (shares[:100].mean() - shares[100:]).abs().mean()
    held_out = (head.held_out - shares[:100]).abs().mean()
    assert error < (0.6 if dim < 100 else 1) * guess
    # Heads solved without a row answer for it about as well as for new rows: none of them ran into a wall.
    assert held_out < 1.3 * error


@pytest.mark.slow
def test_noise_is_not_learned() -> None:
    features, _ = rows(120, 40)
    noise = torch.randn(120, 1, generator=torch.Generator().manual_seed(5))
    head = solve_head(features, noise, target=hw.Number("noise"), seed=0)
    assert head.weight_decay == 100
    assert (head(features) - noise.mean()).abs().mean() < 0.05


def test_points_are_compared_without_their_pictures_sizes() -> None:
    target, values = TARGETS[-1]
    found = target.objective()
    outputs = torch.zeros(4, 2)
    larger = torch.cat([values[:, :2], 10 * values[:, 2:]], dim=1)
    assert torch.equal(found.item_losses(outputs, values), found.item_losses(outputs, larger))
    answers = found.activate(outputs)
    torch.testing.assert_close(answers, torch.tensor([[-0.5, 0.25]]).expand(4, 2))
    expected = ((answers - values[:, :2]) / 0.4).square().mean(dim=1)
    torch.testing.assert_close(found.item_losses(outputs, values), expected)


def test_numbers_are_judged_as_exactly_as_a_bundle_answers() -> None:
    rows = {"x": np.linspace(-2, 2, 60).tolist(), "y": (1000 + np.linspace(-2, 2, 60) ** 2).tolist()}
    data = hw.from_items(rows, target=hw.Number("y"))
    learner = hw.Learner(data, precision="bfloat16", device="cpu", progress=False)
    found = learner.predictions().predictions
    whole = hw.Learner(data, precision="float32", device="cpu", progress=False).predictions().predictions
    np.testing.assert_array_equal(found, whole)
    assert data.target.objective().is_exact
    assert not TARGETS[0][0].objective().is_exact


def logits_of(rng: np.random.Generator, rows: int, *, right: float, sure: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Two classes' logits that are right in this share of the rows and all as sure, and the classes."""
    targets = torch.arange(rows) % 2
    is_right = torch.from_numpy(rng.permutation(rows) < right * rows)
    answers = torch.where(is_right, targets, 1 - targets)
    return sure * (2.0 * F.one_hot(answers, 2) - 1), targets


@pytest.mark.parametrize(("right", "sure", "is_better"), [(0.85, 4.0, True), (0.7, 0.8, False)])
def test_how_sure_a_model_is_decides_nothing(right: float, sure: float, is_better: bool) -> None:
    """Raw losses say the opposite: an overconfident model that is right more often has the greater one."""
    found, rng = hw.Category("label", labels=("a", "b")).objective(), np.random.default_rng(0)
    outputs, targets = logits_of(rng, 400, right=right, sure=sure)
    others, _ = logits_of(rng, 400, right=0.75, sure=1.0 if is_better else 4.0)
    raw = found.item_losses(outputs, targets), found.item_losses(others, targets)
    assert is_clearly_lower(*raw) is not is_better
    scaled = [calibrated_losses(each, targets, objective=found) for each in (outputs, others)]
    assert is_clearly_lower(scaled[0], scaled[1]) is is_better
    # The same as if each had been sure of itself to the right degree.
    again = calibrated_losses(outputs / 2, targets, objective=found)
    assert again.mean().item() == pytest.approx(scaled[0].mean().item(), abs=0.003)


@pytest.mark.parametrize(("target", "values"), TARGETS, ids=lambda each: type(each).__name__)
def test_the_temperature_is_the_best_and_only_of_logits(target: Target, values: torch.Tensor) -> None:
    found = target.objective()
    outputs = 3 * torch.randn(400, target.num_outputs, generator=torch.Generator().manual_seed(0))
    targets = values.repeat(100, *[1] * (values.ndim - 1))
    losses = calibrated_losses(outputs, targets, objective=found)
    assert losses.shape == (400,)
    if not isinstance(target, (hw.Category, hw.Categories)):
        assert torch.equal(losses, found.item_losses(outputs, targets))
        return
    # Answers at random: as little sure as may be.
    assert torch.equal(losses, found.item_losses(outputs / max(TEMPERATURES), targets))
    right = 2 * (2.0 * (F.one_hot(targets, 3) if targets.ndim == 1 else targets) - 1)
    best: Any = minimize_scalar(
        lambda log: found.item_losses((right + outputs / 3) / math.exp(log), targets).mean().item(),
        bounds=(math.log(min(TEMPERATURES)), math.log(max(TEMPERATURES))),
        method="bounded",
    )
    found_here = calibrated_losses(right + outputs / 3, targets, objective=found).mean().item()
    assert 0 <= found_here - best.fun + 1e-6 < 0.001
