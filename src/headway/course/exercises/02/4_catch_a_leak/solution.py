"""The test that catches a leaking split."""

from collections.abc import Callable

import numpy as np


def test_split(split: Callable[[np.ndarray, float, int], tuple[np.ndarray, np.ndarray]]) -> None:
    """Fails, by `assert`, if the splitter leaks or loses rows."""
    for seed in range(20):
        numbers = np.random.default_rng(seed)
        groups = numbers.permutation(np.repeat(np.arange(20), numbers.integers(1, 9, 20)))
        for share in (0.1, 0.3, 0.5):
            train, valid = split(groups.copy(), share, seed)
            train, valid = np.asarray(train), np.asarray(valid)
            assert len(train) and len(valid), "rows on both sides"
            assert not set(train) & set(valid), "no row on both sides"
            assert not set(groups[train]) & set(groups[valid]), "no group on both sides"
            assert sorted([*train, *valid]) == list(range(len(groups))), "no row is lost"
