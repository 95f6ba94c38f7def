from __future__ import annotations

import math
from itertools import pairwise

import pytest

from headway.train.schedules import constant, cosine, one_cycle, schedule

TOTALS = [1, 2, 3, 7, 100, 1001]
NAMES = ["one_cycle", "cosine", "constant"]


@pytest.mark.parametrize("total", TOTALS)
@pytest.mark.parametrize("name", NAMES)
def test_rates_lie_between_zero_and_the_peak(name: str, total: int) -> None:
    rates = [schedule(name, total_steps=total, max_lr=0.3)(step) for step in range(total + 1)]
    assert all(0 <= rate <= 0.3 for rate in rates)
    # Each step that is taken moves the weights.
    assert all(rate > 0 for rate in rates[:-1])


@pytest.mark.parametrize("name", NAMES)
def test_the_peak_scales_the_whole_schedule(name: str) -> None:
    small, large = (schedule(name, total_steps=40, max_lr=peak) for peak in (0.01, 1.0))
    assert [100 * small(step) for step in range(41)] == pytest.approx([large(step) for step in range(41)])


@pytest.mark.parametrize("name", ["one_cycle", "cosine"])
@pytest.mark.parametrize("total", [4, 100, 1001])
def test_falls_to_zero(name: str, total: int) -> None:
    found = schedule(name, total_steps=total, max_lr=0.3)
    assert found(total) == pytest.approx(0, abs=1e-12)
    # Not below it where a stage goes on for longer than was planned.
    assert found(total + 5) == pytest.approx(0, abs=1e-12)


def test_one_cycle_rises_then_falls() -> None:
    rates = [one_cycle(step, total_steps=200, max_lr=1.0) for step in range(201)]
    peak = 50
    assert rates[peak] == pytest.approx(1.0)
    assert all(a < b for a, b in pairwise(rates[: peak + 1]))
    assert all(a > b for a, b in pairwise(rates[peak:]))
    assert rates[0] == pytest.approx(1 / 25)


def test_one_cycle_in_the_middle_of_rise_and_fall() -> None:
    assert one_cycle(25, total_steps=200, max_lr=1.0) == pytest.approx((1 + 1 / 25) / 2)
    assert one_cycle(125, total_steps=200, max_lr=1.0) == pytest.approx(0.5)
    assert one_cycle(75, total_steps=200, max_lr=1.0) == pytest.approx((1 + math.cos(math.pi / 6)) / 2)


def test_cosine_is_torchs() -> None:
    import torch

    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.2)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=30)
    for step in range(30):
        assert cosine(step, total_steps=30, max_lr=0.2) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()


def test_constant_is_constant() -> None:
    assert {constant(step, total_steps=10, max_lr=0.3) for step in range(12)} == {0.3}


def test_a_schedule_by_name_is_the_function() -> None:
    found = schedule("one_cycle", total_steps=30, max_lr=0.2)
    assert [found(step) for step in range(31)] == [one_cycle(step, total_steps=30, max_lr=0.2) for step in range(31)]
