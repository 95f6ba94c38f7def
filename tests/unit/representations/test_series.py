"""Series as pictures: what the papers' formulas say, and what comes back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from headway.representations.series import (
    from_gramian_sum,
    gramian_difference,
    gramian_sum,
    markov_transition,
    recurrence_plot,
    shortened,
)

SERIES = np.random.default_rng(0).normal(size=40).cumsum()


def scaled(series: np.ndarray) -> np.ndarray:
    return (series - series.min()) / np.ptp(series)


def test_a_gramian_field_is_the_angles_cosine_or_sine() -> None:
    angles = np.arccos(scaled(SERIES))
    np.testing.assert_allclose(gramian_sum(SERIES), np.cos(angles[:, None] + angles), atol=1e-12)
    np.testing.assert_allclose(gramian_difference(SERIES), np.sin(angles[:, None] - angles), atol=1e-12)


def test_a_series_comes_back_from_its_gramian_sum() -> None:
    np.testing.assert_allclose(from_gramian_sum(gramian_sum(SERIES)), scaled(SERIES), atol=1e-7)


def test_transitions_are_the_chances_of_levels() -> None:
    picture = markov_transition(np.array([0.0, 0.0, 1.0, 0.0, 0.0, 1.0]), levels=2)
    # From low to low in half of the cases, to high in the others; from high always to low.
    assert picture[0].tolist() == [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert picture[2].tolist() == [1.0, 1.0, 0.0, 1.0, 1.0, 0.0]


def test_a_recurrence_plot_is_symmetric_and_scaled() -> None:
    picture = recurrence_plot(SERIES)
    assert (picture == picture.T).all()
    assert (picture.min(), picture.max()) == (0, 1)
    np.testing.assert_allclose(picture, recurrence_plot(5 * SERIES + 3), atol=1e-12)


@pytest.mark.parametrize("draw", [gramian_sum, gramian_difference, markov_transition, recurrence_plot])
@pytest.mark.parametrize("series", [np.zeros(5), np.array([2.0]), np.full(9, -1e30)])
def test_a_series_that_never_changes_is_finite(draw: Callable[[np.ndarray], np.ndarray], series: np.ndarray) -> None:
    picture = draw(series)
    assert picture.shape == (len(series), len(series))
    assert np.isfinite(picture).all()


def test_a_shortened_series_keeps_its_mean() -> None:
    assert len(shortened(SERIES, 7)) == 7
    assert shortened(SERIES, 20).mean() == pytest.approx(SERIES.mean())
    assert shortened(SERIES, 99).tolist() == SERIES.tolist()
