"""Periods: found where there is one, and not in noise or a random walk."""

from __future__ import annotations

import numpy as np
import pytest

from headway.inputs.past.season import find_period, usual_change


@pytest.mark.parametrize(("length", "period"), [(90, 7), (60, 12), (200, 24)])
def test_a_season_is_found_under_a_trend_and_noise(length: int, period: int) -> None:
    moments = np.arange(length)
    wave = np.sin(2 * np.pi * moments / period) + 0.05 * moments
    noise = np.random.default_rng(0).normal(0, 0.3, length)
    assert find_period([wave + noise]) == period
    with_gaps = np.where(moments % 11 == 3, np.nan, wave + noise)
    assert find_period([with_gaps]) == period


def test_noise_and_random_walks_seldom_have_a_season() -> None:
    draw = np.random.default_rng(0)
    noise = [find_period([draw.normal(size=60)]) for _ in range(100)]
    walks = [find_period([draw.normal(size=100).cumsum()]) for _ in range(100)]
    assert sum(period > 1 for period in noise) <= 5
    assert sum(period > 1 for period in walks) <= 8


@pytest.mark.parametrize("series", [[], [np.zeros(0)], [np.ones(50)], [np.arange(50.0)], [np.full(30, np.nan)]])
def test_without_changes_there_is_no_season(series: list[np.ndarray]) -> None:
    assert find_period(series) == 1


def test_the_usual_change_is_that_of_a_season_where_one_is_known() -> None:
    history = np.array([1.0, 5.0, 2.0, 6.0, 3.0, 7.0])
    assert usual_change(history, 2) == 1
    # Shorter than a season, or the same in every season: the change from one moment to the next.
    assert usual_change(history[:2], 4) == 4
    assert usual_change(np.array([1.0, 2.0, 1.0, 2.0]), 2) == 1
    assert usual_change(np.ones(5), 1) == 0
