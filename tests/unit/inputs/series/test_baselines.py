from __future__ import annotations

import numpy as np

from headway.inputs.series.baselines import dtw_distances, euclidean_distances, summary_statistics


def warped(first: np.ndarray, second: np.ndarray, band: int) -> float:
    """The textbook's table, cell by cell."""
    length = len(first)
    costs = np.full((length + 1, length + 1), np.inf)
    costs[0, 0] = 0
    for row in range(1, length + 1):
        for column in range(max(1, row - band), min(length, row + band) + 1):
            step = min(costs[row - 1, column], costs[row, column - 1], costs[row - 1, column - 1])
            costs[row, column] = (first[row - 1] - second[column - 1]) ** 2 + step
    return float(costs[length, length])


def test_warped_distances_are_those_of_the_textbook() -> None:
    draw = np.random.default_rng(0)
    items = draw.standard_normal((4, 1, 40)).astype(np.float32)
    others = draw.standard_normal((5, 1, 40)).astype(np.float32)
    expected = [[warped(item[0], other[0], band=4) for other in others] for item in items]
    np.testing.assert_allclose(dtw_distances(items, others), expected, rtol=1e-4)


def test_euclidean_distances() -> None:
    draw = np.random.default_rng(0)
    items = draw.standard_normal((3, 2, 10)).astype(np.float32)
    expected = ((items[:, None] - items[None]) ** 2).sum((2, 3))
    np.testing.assert_allclose(euclidean_distances(items, items), expected, atol=1e-4)


def test_statistics_say_what_order_does_not_and_what_it_does() -> None:
    wave = np.sin(np.arange(100) / 5)[None, None].astype(np.float32)
    shuffled = np.random.default_rng(0).permuted(wave, axis=2)
    before, after = summary_statistics(wave)[0], summary_statistics(shuffled)[0]
    assert before.shape == (17,)
    np.testing.assert_allclose(before[:11], after[:11], atol=1e-4)
    # Changes are larger, and neighbours are alike no more.
    assert after[11] > 2 * before[11]
    assert before[14] > 0.9 > 0.3 > abs(after[14])
    assert np.isfinite(summary_statistics(np.zeros((1, 2, 9), np.float32))).all()
