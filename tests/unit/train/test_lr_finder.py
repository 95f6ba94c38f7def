from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

from headway.errors import TrainingError
from headway.train.history import History
from headway.train.lr_finder import LrFinder, _smoothed, _steepest, find_lr
from headway.train.options import Plan
from headway.train.stage import Setup, fit

Make = Callable[..., nn.Module]
MakeSetup = Callable[..., Setup]


def test_rates_rise_evenly_from_the_lowest(body_head: Make, make_setup: MakeSetup) -> None:
    found = find_lr(make_setup(body_head()), steps=20)
    ratios = {round(b / a, 6) for a, b in pairwise(found.lrs)}
    assert ratios == {round(1e6 ** (1 / 19), 6)}
    assert found.lrs[0] == pytest.approx(1e-6)
    assert len(found.lrs) == len(found.losses) <= 20
    assert found.suggestion in found.lrs


def test_the_model_and_the_generators_stay_as_they_were(body_head: Make, make_setup: MakeSetup) -> None:
    model = body_head()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    torch.manual_seed(11)
    generator = torch.get_rng_state()
    find_lr(make_setup(model), steps=15)
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(torch.get_rng_state(), generator)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.slow
def test_the_suggestion_trains_well(body_head: Make, make_setup: MakeSetup) -> None:
    found = find_lr(make_setup(body_head()))
    assert 1e-4 < found.suggestion < 0.3
    losses = {}
    for lr in (found.suggestion, 1e-6, 1.0):
        history = History()
        fit(make_setup(body_head()), Plan(epochs=3, lr=lr), history)
        losses[lr] = history.epochs[-1].valid_loss
    assert losses[found.suggestion] < losses[1e-6]
    assert losses[found.suggestion] < losses[1.0]


def test_ends_when_the_loss_runs_away(linear: Make, make_setup: MakeSetup) -> None:
    calls = []

    def loss_fn(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return nn.functional.cross_entropy(outputs, targets) * (100 if len(calls) == 14 else 1)

    found = find_lr(make_setup(linear(), loss_fn=loss_fn), steps=40)
    assert len(calls) == len(found.losses) == 14


def test_the_same_seed_finds_the_same(body_head: Make, make_setup: MakeSetup) -> None:
    first, second = (find_lr(make_setup(body_head()), steps=12) for _ in range(2))
    assert np.array_equal(first.losses, second.losses)


def test_a_loss_that_is_no_number_from_the_start(linear: Make, make_setup: MakeSetup) -> None:
    model = linear()
    with torch.no_grad():
        model[2].weight.fill_(math.nan)  # pyright: ignore[reportIndexIssue]
    with pytest.raises(TrainingError):
        find_lr(make_setup(model))


def test_smoothing_keeps_a_constant_and_follows_a_change() -> None:
    assert _smoothed(np.full(9, 3.0)) == pytest.approx(np.full(9, 3.0))
    smooth = _smoothed(np.array([1.0] * 50 + [2.0] * 50))
    assert smooth[49] == pytest.approx(1)
    assert smooth[50] == pytest.approx(1.2, abs=1e-3)
    assert smooth[-1] == pytest.approx(2, abs=1e-3)


def test_the_steepest_place_is_before_the_lowest() -> None:
    lrs = np.logspace(-6, 0, 61)
    # Falls most steeply at 1e-3; rises, then falls off a cliff beyond 1e-1.
    losses = 1 / (1 + np.exp(3 * (np.log10(lrs) + 3)))
    losses[50:] = np.linspace(1, 40, 11)
    assert _steepest(lrs, losses) == pytest.approx(1e-3)
    losses[-1] = np.nan
    assert _steepest(lrs, losses) == pytest.approx(1e-3)


def test_the_picture_shows_the_rates_and_the_suggestion() -> None:
    lrs = np.logspace(-6, -1, 5)
    figure = LrFinder(lrs, np.arange(5.0), 1e-3).plot()
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    curve, mark = axes.get_lines()
    assert np.array_equal(curve.get_xdata(), lrs)
    assert mark.get_xdata()[0] == 1e-3
    assert mark.get_label() == "suggestion 1.0e-03"
