"""What lies in a picture is answered in the picture's own pixels."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from headway.bundle.predictor import Predictor
from headway.errors import ReadError
from headway.inputs.base import learned
from headway.inputs.image.field import Image
from headway.targets.points.field import Points

PLACES = [-1.0, -1.0, 0.5, 0.0]


@pytest.fixture
def predictor() -> Predictor:
    """A predictor whose graph answers the same for every picture."""

    def run(_: Any, given: dict[str, np.ndarray], **_seconds: object) -> list[np.ndarray]:
        (images,) = given.values()
        return [np.tile(np.array(PLACES, dtype=np.float32), (len(images), 1))]

    session: Any = SimpleNamespace(
        get_inputs=lambda: [SimpleNamespace(name="inputs", shape=["batch", 32, 32, 3])], run=run
    )
    target = learned(Points("corners"), mean=(0.0,) * 4)
    return Predictor(manifest={}, input=Image("file", size=32), target=target, session=session)


def jpeg(width: int, height: int, *, orientation: int = 1) -> bytes:
    file, exif = io.BytesIO(), PILImage.Exif()
    exif[0x0112] = orientation
    PILImage.new("RGB", (width, height)).save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_from_whatever_a_picture_comes_in(predictor: Predictor) -> None:
    data = jpeg(400, 300)
    # 375 of the 400 columns are seen.
    expected = ((12.5, 0.0), (293.75, 150.0))
    for item in (data, io.BytesIO(data), np.zeros((300, 400, 3), np.uint8), PILImage.new("RGB", (400, 300))):
        found = predictor.predict(item)
        assert found.value == expected
        assert found.label == "12.5 0.0 293.8 150.0"


def test_each_picture_by_its_own_size(predictor: Predictor) -> None:
    items = [jpeg(100, 100), b"no picture", jpeg(400, 300, orientation=6)]
    first, wrong, last = predictor.try_many(items)
    assert isinstance(wrong, ReadError)
    assert not isinstance(first, ReadError)
    assert not isinstance(last, ReadError)
    assert first.value == ((0, 0), (75, 50))
    # Upright it is 300 wide and 400 high.
    assert last.value == ((0, 12.5), (225, 200))


def test_a_batch_that_was_read_before_is_answered_in_what_was_seen(predictor: Predictor) -> None:
    (found,) = predictor.answer(np.zeros((1, 32, 32, 3), np.uint8))
    assert found.value == ((-1, -1), (0.5, 0))
