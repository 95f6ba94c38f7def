"""Exponential smoothing: what the formulas say, and as good as a library's on a real kind of series."""

from __future__ import annotations

import numpy as np
import pytest

from headway.targets.future.smoothing import exponential_smoothing


def test_a_straight_line_goes_on() -> None:
    forecast = exponential_smoothing(np.arange(40.0)[None] - 20, horizon=3)[0]
    np.testing.assert_allclose(forecast, [20, 21, 22], atol=0.05)


def test_growth_in_per_cent_goes_on() -> None:
    forecast = exponential_smoothing(100 * 1.05 ** np.arange(40.0)[None], horizon=2)[0]
    np.testing.assert_allclose(forecast, 100 * 1.05 ** np.array([40, 41]), rtol=0.01)


def test_a_season_goes_on_whatever_the_phase_at_the_end() -> None:
    wave = 10 + np.sin(2 * np.pi * np.arange(67) / 12)
    forecast = exponential_smoothing(wave[None, :61], horizon=6, period=12)[0]
    np.testing.assert_allclose(forecast, wave[61:], atol=0.05)


def test_series_of_different_lengths_do_not_change_one_another() -> None:
    draw = np.random.default_rng(0)
    long, short = draw.normal(5, 1, 50).cumsum(), draw.normal(5, 1, 20).cumsum()
    both = np.stack([long, np.concatenate([np.full(30, np.nan), short])])
    together = exponential_smoothing(both, horizon=4, period=4)
    np.testing.assert_allclose(together[0], exponential_smoothing(long[None], horizon=4, period=4)[0])
    np.testing.assert_allclose(together[1], exponential_smoothing(short[None], horizon=4, period=4)[0])


@pytest.mark.parametrize("series", [np.zeros(12), np.full(12, -3.0), np.array([0.0] * 11 + [1.0]), np.full(12, 1e30)])
def test_forecasts_are_finite(series: np.ndarray) -> None:
    assert np.isfinite(exponential_smoothing(series[None], horizon=5, period=4)).all()


def test_simple_smoothing_is_as_a_library_has_it() -> None:
    holtwinters = pytest.importorskip("statsmodels.tsa.holtwinters")
    # A level that jumps, in noise: the best parameter lies between those of the grid.
    draw = np.random.default_rng(1)
    series = np.repeat([0.0, 4.0, -2.0], 30) + draw.normal(0, 1, 90)
    theirs = holtwinters.SimpleExpSmoothing(series, initialization_method="estimated").fit().forecast(1)[0]
    ours = exponential_smoothing(series[None], horizon=1)[0, 0]
    # An eighth of the noise.
    assert abs(ours - theirs) < 0.125
