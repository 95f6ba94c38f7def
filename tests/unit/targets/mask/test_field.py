"""Masks: what they hold, where they lie in a photo's canvas, and back on the photo itself."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image as PILImage

from headway.errors import ConfigError, DataError, ReadError
from headway.inputs.image.field import Image
from headway.targets.mask.field import Mask
from headway.targets.number.field import Number

PETS = Mask("mask", classes={1: "pet", 2: "background"}, ignore=3)


def png(image: PILImage.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def test_numbers_become_class_indices() -> None:
    stored = np.array([[1, 2, 3], [2, 1, 1]], dtype=np.uint8)
    found = PETS.encode([stored, stored[::-1]])
    assert found.dtype == np.uint8
    assert found.tolist() == [[[0, 1, 255], [1, 0, 0]], [[1, 0, 0], [0, 1, 255]]]
    assert PETS.labels == ("pet", "background")
    assert PETS.num_outputs == 2


def test_a_list_of_classes_counts_from_zero_and_255_is_no_label() -> None:
    field = Mask("mask", classes=["sky", "road", "car"])
    assert field.encode([np.array([[0, 1], [2, 255]])]).tolist() == [[[0, 1], [2, 255]]]


def test_several_numbers_may_be_one_class() -> None:
    field = Mask("mask", classes={0: "other", 4: "cat", 7: "cat"}, ignore=[9, 8])
    assert field.labels == ("other", "cat")
    assert field.encode([np.array([[0, 4, 7, 9, 8]])]).tolist() == [[[0, 1, 1, 255, 255]]]


@pytest.mark.parametrize("mode", ["L", "P", "I;16", "I", "1"])
def test_pictures_of_numbers_are_read_as_they_are(mode: str) -> None:
    stored = np.array([[0, 1, 1], [1, 0, 1]], dtype=np.uint8)
    if mode == "P":
        image = PILImage.fromarray(stored)
        image.putpalette([200, 0, 0, 0, 200, 0])
    elif mode == "1":
        image = PILImage.fromarray(stored.astype(bool))
    else:
        kinds = {"I;16": np.uint16, "I": np.int32, "L": np.uint8}
        image = PILImage.fromarray(stored.astype(kinds[mode]))
    assert image.mode == mode
    field = Mask("mask", classes=["no", "yes"])
    assert field.encode([image]).tolist() == [stored.tolist()]
    if mode != "I":
        assert field.encode([png(image)]).tolist() == [stored.tolist()]


def test_numbers_beyond_a_byte() -> None:
    field = Mask("mask", classes={1000: "road", 2000: "car"}, ignore=0)
    assert field.encode([np.array([[1000, 2000, 0]])]).tolist() == [[[0, 1, 255]]]
    # A palette holds no 2000.
    image = PILImage.open(io.BytesIO(field.to_png(np.array([[0, 1, 255]], np.uint8))))
    assert np.asarray(image).tolist() == [[0, 1, 255]]
    # Black and white in 16 bits.
    image = PILImage.open(io.BytesIO(Mask("m", classes={0: "no", 65535: "yes"}).to_png(np.array([[0, 1]], np.uint8))))
    assert np.asarray(image).tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.array([[1, 7], [0, 2]]), "a mask with numbers that are neither a class nor ignored: 0, 7"),
        (
            np.zeros((2, 2, 3), np.uint8),
            "no mask: an array must be [height, width] of whole numbers, not uint8 [2, 2, 3]",
        ),
        (np.zeros((2, 2)), "no mask: an array must be [height, width] of whole numbers, not float64 [2, 2]"),
        (np.zeros((0, 2), int), "no mask: an array must be [height, width] of whole numbers, not int64 [0, 2]"),
        (PILImage.new("RGB", (2, 2)), "no mask: it must hold one number a pixel, and is RGB"),
        ("nowhere.png", "no such file"),
        (b"abc", "not an image that Pillow can read"),
    ],
)
def test_what_is_no_mask(value: Any, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        PETS.encode([value])
    assert str(caught.value) == (
        f"A mask cannot be read.\n  Given: column 'mask': {reason}\n  Fix:   Repair or remove that mask."
    )


def test_masks_of_several_sizes_are_no_array() -> None:
    with pytest.raises(DataError) as caught:
        PETS.encode([np.ones((2, 3), int), np.ones((4, 2), int)])
    assert str(caught.value) == (
        "Masks must be of one size.\n  Given: 3 x 2, 2 x 4\n  Fix:   Use `place` for those of photos."
    )


@pytest.mark.parametrize(
    ("classes", "ignore", "what"),
    [
        (["one"], 255, "`classes` must name from 2 to 255 classes."),
        ("ab", 255, "`classes` must name from 2 to 255 classes."),
        (["a", "b", "a"], 255, "A list of `classes` must name each class once."),
        ({0: "a", 3: "b"}, 3, "What masks hold must be numbers from 0, each for a class or to be ignored."),
        ({0: "a", -1: "b"}, 3, "What masks hold must be numbers from 0, each for a class or to be ignored."),
    ],
)
def test_classes_that_cannot_be(classes: Any, ignore: int, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Mask("mask", classes=classes, ignore=ignore)
    assert str(caught.value) == (
        f"{what}\n  Given: classes={classes!r}, ignore={ignore}\n"
        '  Fix:   For instance classes={1: "pet", 2: "background"}, ignore=3.'
    )


def test_masks_need_photos() -> None:
    with pytest.raises(ConfigError) as caught:
        PETS.files(Number("x"))  # pyright: ignore[reportArgumentType]
    assert str(caught.value) == "Masks lie on pictures.\n  Given: input=Number\n  Fix:   Read the photos with Image."


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(8, 120),
    height=st.integers(8, 120),
    size=st.integers(8, 64),
    crop=st.sampled_from([1.0, 0.875, 0.5]),
    squeeze=st.sampled_from([1.0, 1.25, 3.0]),
    share=st.floats(0.2, 0.8),
    upright=st.booleans(),
)
def test_a_mask_lies_in_the_canvas_as_its_photo_does(
    width: int, height: int, size: int, crop: float, squeeze: float, share: float, upright: bool
) -> None:
    stored = np.zeros((height, width), dtype=np.uint8)
    if upright:
        stored[:, round(share * width) :] = 1
    else:
        stored[round(share * height) :] = 1
    reader = Image("file", size=size, channels=1, crop=crop, squeeze=squeeze)
    field = Mask("mask", classes=["dark", "light"])
    items = pl.DataFrame({"file": [png(PILImage.fromarray(255 * stored))], "mask": [png(PILImage.fromarray(stored))]})
    placed = field.place(items, reader)
    assert placed.shape == (1, reader.side, reader.side)
    canvas = reader.canvas(items["file"][0])[..., 0]
    # Where the photo is plainly one or the other, away from the blur at the line between them.
    clear = (canvas < 20) | (canvas > 235)
    assert (placed[0][clear] == (canvas[clear] > 127)).all()
    view = field.view(placed, reader)
    assert (view[0] == reader.view(placed[0][..., None])[..., 0]).all()


def test_a_mask_goes_on_the_upright_photo(tmp_path: Path) -> None:
    photo, exif = PILImage.new("L", (40, 30), 200), PILImage.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "photo.jpg", exif=exif)
    mask = np.zeros((40, 30), dtype=np.uint8)
    mask[:10] = 1
    reader, field = Image("file", size=16), Mask("mask", classes=["below", "above"])
    items = pl.DataFrame({"file": [str(tmp_path / "photo.jpg")], "mask": [png(PILImage.fromarray(mask))]})
    assert field.place(items, reader)[0, 0].tolist() == [1] * 16
    wrong = png(PILImage.fromarray(mask.T.copy()))
    with pytest.raises(ReadError) as caught:
        field.files(reader).canvas((wrong, str(tmp_path / "photo.jpg")))
    assert str(caught.value) == "a mask of another size than its photo: 40 x 30 pixels, its photo 30 x 40"


def test_the_answer_in_shares_of_the_pixels() -> None:
    scores = np.array([[[0.9, 0.2], [0.4, 0.3]], [[0.1, 0.8], [0.6, 0.7]]], dtype=np.float32)
    found = PETS.decode(scores)
    assert found.value.tolist() == [[0, 1], [1, 1]]
    assert found.value.dtype == np.uint8
    assert found.label == "background"
    assert found.probabilities == {"background": 0.75, "pet": 0.25}
    assert found.score == pytest.approx(0.75)
    assert PETS.decode(found.value).probabilities == found.probabilities
    assert PETS.decode(found.value).score is None
    assert found == PETS.decode(scores)
    assert found != PETS.decode(scores[::-1])


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(8, 200), height=st.integers(8, 200), size=st.integers(8, 48), squeeze=st.sampled_from([1, 1.5])
)
def test_an_answer_is_laid_on_the_photo(width: int, height: int, size: int, squeeze: float) -> None:
    reader = Image("file", size=size, squeeze=squeeze)
    frame = reader.frame_of(width, height)
    value = np.zeros((size, size), dtype=np.uint8)
    value[:, size // 2 :] = 1
    found = PETS.to_item(PETS.decode(value), frame).value
    assert found.shape == (height, width)
    # What the model saw has a class, all of the rest has none; a pixel's middle on a line may be on either side.
    across, down = np.arange(width) + 0.5, np.arange(height) + 0.5
    seen = np.outer((down > frame.top) & (down < frame.bottom), (across > frame.left) & (across < frame.right))
    middle = frame.left + (frame.right - frame.left) * (size // 2) / size
    lines = ((down, (frame.top, frame.bottom)), (across, (frame.left, frame.right, middle)))
    high, wide = (np.min([abs(places - line) for line in each], axis=0) > 1e-6 for places, each in lines)
    clear = np.outer(high, wide)
    assert ((found != 255) == seen)[clear].all()
    right = np.broadcast_to(across > middle, found.shape)
    assert (found == right)[seen & clear].all()


def test_from_photo_to_canvas_and_back_little_is_lost() -> None:
    down, across = np.mgrid[:90, :130]
    stored = (np.hypot(down - 40, across - 70) < 30).astype(np.uint8)
    reader, field = Image("file", size=64, squeeze=2), Mask("mask", classes=["out", "in"])
    placed = field.files(reader).canvas((stored, np.zeros((90, 130, 3), np.uint8)))
    found = field.to_item(
        field.decode(field.view(placed, reader)), reader.geometry(np.zeros((90, 130, 3), np.uint8))
    ).value
    assert (found == stored).mean() > 0.98


@settings(max_examples=30, deadline=None)
@given(value=arrays.arrays(np.uint8, (5, 7), elements=st.sampled_from([0, 1, 2, 255])))
def test_a_png_is_read_back(value: np.ndarray) -> None:
    for classes, ignore in (({1: "a", 2: "b", 9: "c"}, 3), (["a", "b", "c"], 255), ({255: "a", 0: "b", 1: "c"}, [])):
        field = Mask("mask", classes=classes, ignore=ignore)
        written = field.to_png(value)
        image = PILImage.open(io.BytesIO(written))
        assert image.size == (7, 5)
        colours = np.asarray(image.convert("RGBA"))
        for place, colour in enumerate(field.colours.values()):
            assert (colours[value == place] == (*colour, 255)).all()
        assert (colours[value == 255, 3] == 0).all()
        if ignore != []:
            assert (field.encode([written])[0] == value).all()


def test_each_class_has_a_colour_of_its_own() -> None:
    field = Mask("mask", classes=[str(number) for number in range(40)])
    assert len(set(field.colours.values())) == 40


def test_what_is_missing() -> None:
    assert PETS.is_missing(pl.DataFrame({"mask": ["a.png", None, ""]})) == [False, True, True]
    assert PETS.strata(pl.DataFrame({"mask": ["a.png", "b.png"]})) == ["", ""]
