from __future__ import annotations

import numpy as np
import pytest

from headway.inputs.image.statistics import STATISTICS, image_statistics


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_statistics_are_what_they_say() -> None:
    image = noise(48, 40, 3)
    found, grey = image_statistics(image), image.astype(np.float64).mean(axis=2)
    assert found["brightness"] == pytest.approx(grey.mean() / 255, abs=1e-4)
    assert found["contrast"] == pytest.approx(grey.std() / 255, abs=1e-4)
    saturation = image.max(axis=2).astype(float) - image.min(axis=2)
    assert found["saturation"] == pytest.approx(saturation.mean() / 255, abs=1e-4)
    assert found["sharpness"] == pytest.approx(np.abs(np.diff(grey, axis=1)).mean() / 255, abs=1e-4)


def test_of_a_large_image_some_rows_speak_for_all() -> None:
    image = noise(224, 224, 3)
    small = image_statistics(image[:96])
    for name, value in image_statistics(image).items():
        assert value == pytest.approx(small[name], abs=0.01)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (300, 1, 3), (1, 300, 1), (28, 28, 1)])
@pytest.mark.parametrize("value", [0, 255])
def test_every_shape_has_statistics_between_0_and_1(shape: tuple[int, int, int], value: int) -> None:
    found = image_statistics(np.full(shape, value, np.uint8))
    assert tuple(found) == STATISTICS
    assert found == {"brightness": value / 255, "contrast": 0, "saturation": 0, "sharpness": 0}
    assert all(0 <= each <= 1 for each in image_statistics(noise(*shape)).values())
