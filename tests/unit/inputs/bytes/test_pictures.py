from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

import headway as hw
from headway.inputs.bytes.pictures import portrait
from tests.kinds import KINDS

BLACK, ORANGE, WHITE, INK, PAPER = (0, 0, 0), (240, 150, 60), (255, 255, 255), (170, 30, 60), (245, 245, 245)


def picture(data: bytes) -> np.ndarray:
    return portrait(hw.Bytes("file", window=4096).read(data))


def test_bytes_are_coloured_by_what_they_are_with_their_entropy_below() -> None:
    image = picture(bytes(1024) + b"\xff" * 1024 + bytes(range(128, 192)) * 32)
    assert image.shape == (80, 64, 3)
    assert [tuple(image[line, 5].tolist()) for line in (0, 20, 40)] == [BLACK, WHITE, ORANGE]
    heights = (image[64:] == INK).all(axis=-1).sum(axis=0)
    # 0 bits a byte, then 6 of 8.
    assert heights[:32].max() == 1
    assert set(heights[33:].tolist()) == {12}


@pytest.mark.parametrize("length", [1, 64, 65, 300, 70_000])
def test_files_of_any_length_have_a_picture_64_wide(length: int) -> None:
    image = picture(bytes(length))
    assert image.shape[1] == 64
    assert image.shape[0] <= 80
    # Behind the end there is paper, which is no byte.
    assert tuple(image[-17, -1].tolist()) == (PAPER if min(length, 16 * 4096) % 64 else BLACK)


@pytest.mark.slow
def test_a_report_shows_the_files_with_the_highest_loss(tmp_path: Path) -> None:
    learner = hw.Learner(KINDS["bytes"].data(tmp_path), batch_size=6, device="cpu", progress=False)
    learner.fit(1)
    report = learner.report()
    rows = report.sections["top_losses"].rows
    assert rows
    for row in rows:
        image = np.asarray(PILImage.open(io.BytesIO(report.pictures[row].photo)))
        assert image.shape[1] > 100
