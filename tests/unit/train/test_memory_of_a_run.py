"""How much more memory a whole run takes for more photos."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage
from torch import nn

import headway as hw
from tests.commands import fork

MAX_BYTES_A_PHOTO = 20 * 1024
"""The decoded photo in the store is 3 KB; up to 10,000 photos the simple models hold each as floats, too."""


def measure(folder: Path, run: Path, peak: Path) -> None:
    """Trains in a process of its own, and writes how many bytes it took at most."""
    import resource

    data = hw.from_folder(folder, size=32)
    model = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(512, 4))
    learner = hw.Learner(data, model, run=run, batch_size=64, progress=False)
    learner.fit(1)
    learner.report()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak.write_text(str(most if sys.platform == "darwin" else 1024 * most))


def photos(folder: Path, count: int) -> Path:
    draw = np.random.default_rng(0)
    for label in range(4):
        (folder / str(label)).mkdir(parents=True)
    for number in range(count):
        pixels = draw.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        pixels[0] //= 1 + number % 4
        image = PILImage.fromarray(pixels).resize((32, 32), PILImage.Resampling.BILINEAR)
        image.save(folder / str(number % 4) / f"{number:05d}.jpg")
    return folder


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such count of memory")
def test_memory_grows_with_the_photos_and_no_faster(tmp_path: Path) -> None:
    peaks = []
    for count in (500, 2_500):
        folder = photos(tmp_path / str(count), count)
        # Both begin with as much: what the process that they are forked from has imported.
        fork(measure, folder, tmp_path / f"run-{count}", tmp_path / "peak").join()
        peaks.append(int((tmp_path / "peak").read_text()))
    assert peaks[1] - peaks[0] < 2_000 * MAX_BYTES_A_PHOTO
