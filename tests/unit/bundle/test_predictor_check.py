"""What a bundle's check keeps of large answers."""

from __future__ import annotations

import numpy as np

from headway.bundle.predictor import sampled


def test_of_maps_each_eighth_place_is_kept() -> None:
    maps = np.arange(2 * 3 * 20 * 17).reshape(2, 3, 20, 17)
    found = sampled(maps)
    assert found.shape == (2, 3, 3, 3)
    assert (found[1, 2] == maps[1, 2, ::8, ::8]).all()


def test_of_other_answers_all_is_kept() -> None:
    answers = np.ones((3, 5), np.float32)
    assert sampled(answers).shape == (3, 5)
