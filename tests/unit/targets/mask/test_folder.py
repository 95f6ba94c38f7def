"""Photos and masks in two folders, and which classes masks hold."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from headway.errors import DataError
from headway.targets.mask.field import Mask
from headway.targets.mask.folder import found_classes, list_masks


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_masks_are_found_by_their_names(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.jpg", "images/deep/b.jpg", "images/c.jpg", "masks/a.png", "masks/deep/b.png", "masks/.x")
    frame = list_masks(tmp_path)
    assert frame.columns == ["images", "masks"]
    pairs = [(Path(photo).name, mask and Path(mask).name) for photo, mask in frame.iter_rows()]
    assert sorted(pairs, key=str) == [("a.jpg", "a.png"), ("b.jpg", "b.png"), ("c.jpg", None)]


def test_a_split_folder(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{part}/{kind}/a.png" for part in ("train", "val") for kind in ("photos", "labels")))
    frame = list_masks(tmp_path, photos="photos", masks="labels")
    assert frame["split"].to_list() == ["train", "valid"]


def test_a_photo_has_one_mask(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.jpg", "masks/a.png", "masks/a.gif")
    with pytest.raises(DataError) as caught:
        list_masks(tmp_path)
    assert str(caught.value) == (
        f"A photo must have one mask.\n  Given: {tmp_path}/masks/a.gif, {tmp_path}/masks/a.png\n"
        "  Fix:   Keep one of them."
    )


def test_no_photos(tmp_path: Path) -> None:
    touch(tmp_path, "images/.hidden", "masks/a.png")
    with pytest.raises(DataError, match=r"There are no photos in the folder\."):
        list_masks(tmp_path)


@pytest.mark.parametrize("name", ["{}_mask.gif", "mask-{}.png", "deep/{}_L.png"])
def test_masks_may_have_the_same_addition_in_all_their_names(name: str, tmp_path: Path) -> None:
    numbers = ["1", "10", "100", "7"]
    deep = "deep/" if name.startswith("deep") else ""
    touch(tmp_path, *(f"images/{deep}{number}.jpg" for number in numbers))
    touch(tmp_path, *(f"masks/{name.format(number)}" for number in numbers[:3]))
    pairs = {Path(photo).stem: mask and Path(mask).name for photo, mask in list_masks(tmp_path).iter_rows()}
    expected = {number: Path(name.format(number)).name for number in numbers[:3]}
    assert pairs == {**expected, "7": None}


def test_masks_that_are_named_otherwise(tmp_path: Path) -> None:
    touch(tmp_path, "images/cat1.jpg", "images/cat2.jpg", "masks/a.png")
    with pytest.raises(DataError) as caught:
        list_masks(tmp_path)
    assert str(caught.value) == (
        "No mask is named as a photo.\n  Given: photo cat1, mask a\n"
        "  Fix:   Name each mask as its photo, or with the same addition for all: cat1.jpg and cat1_mask.png."
    )


def test_classes_are_the_numbers_that_masks_hold() -> None:
    masks = [b"no mask", np.array([[3, 1]]), np.array([[255, 1]])]
    assert found_classes(masks) == {1: "1", 3: "3"}
    assert found_classes(masks, ignore=()) == {1: "1", 3: "3", 255: "255"}
    assert found_classes(masks, ignore=[3]) == {1: "1", 255: "255"}


def test_black_and_white_are_two_classes() -> None:
    black_and_white = [np.array([[0, 255]], np.uint8)]
    assert found_classes(black_and_white) == {0: "0", 255: "255"}
    field = Mask.from_options("mask", {}, lambda: black_and_white)
    assert field.ignore == ()
    assert field.encode(black_and_white).tolist() == [[[0, 1]]]
    assert Mask.from_options("mask", {"classes": "0=sky,255=bird"}, list).labels == ("sky", "bird")
    assert Mask.from_options("mask", {"classes": "1=sky,2=bird"}, list).ignore == (255,)
    assert Mask.from_options("mask", {"classes": "1=sky,2=bird", "ignore": "none"}, list).ignore == ()


def test_one_class_is_too_few() -> None:
    with pytest.raises(DataError) as caught:
        found_classes([np.array([[1, 255]])])
    assert str(caught.value) == (
        "The masks must hold numbers of at least two classes, one number a pixel.\n"
        "  Given: [1, 255] in 1 masks, of which [255] is ignored\n"
        "  Fix:   Name the folder or column of the masks (--target), or what to ignore: --ignore 7, --ignore none."
    )
    with pytest.raises(DataError) as caught:
        found_classes([])
    assert str(caught.value) == (
        "No mask can be read.\n  Given: masks that are missing\n"
        "  Fix:   Save masks as PNG with one number a pixel, or name their column or folder: --target."
    )


def refused(masks: list[Any]) -> str:
    with pytest.raises(DataError) as caught:
        found_classes(masks)
    return str(caught.value)


def picture(numbers: np.ndarray, format: str, mode: str | None = None) -> bytes:
    file = io.BytesIO()
    PILImage.fromarray(numbers).convert(mode).save(file, format)
    return file.getvalue()


@pytest.mark.parametrize(
    ("format", "mode", "reason"),
    [
        ("JPEG", "L", "no mask: JPEG changes numbers; PNG keeps them"),
        ("PNG", "RGB", "no mask: it must hold one number a pixel, and is RGB"),
        ("PNG", "LA", "no mask: it must hold one number a pixel, and is LA"),
        ("TIFF", "F", "no mask: it must hold one number a pixel, and is F"),
    ],
)
def test_masks_that_hold_no_numbers_say_why(format: str, mode: str, reason: str) -> None:
    mask = picture(np.eye(8, dtype=np.uint8), format, mode)
    assert refused([mask]) == (
        f"No mask can be read.\n  Given: {reason}\n"
        "  Fix:   Save masks as PNG with one number a pixel, or name their column or folder: --target."
    )


def test_masks_that_are_black_and_white_only_in_part_are_refused() -> None:
    """By the rule for 255, what is white in the one kind would have no class."""
    one, white = np.eye(4, dtype=np.uint8), 255 * np.eye(4, dtype=np.uint8)
    assert refused([one, white, one]) == (
        "The masks do not agree: some hold 0 and 255, others 0 and another number.\n"
        "  Given: 255 in 1 of 3 masks, 1 in others\n"
        '  Fix:   Name the classes, such as --classes "0=background,1=thing,255=thing"; or pass --ignore 255.'
    )
    # An edge of 255 around a thing of a class is what it seems.
    assert found_classes([one, white + np.fliplr(one), one]) == {0: "0", 1: "1"}
    assert found_classes([one, white], ignore=[255]) == {0: "0", 1: "1"}


def test_photos_and_masks_in_one_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        list_masks(tmp_path, photos="images", masks="images")
    assert str(caught.value) == (
        "Photos and masks must lie in two folders.\n  Given: both in 'images'\n"
        "  Fix:   Name them with --input and --target, such as --input images --target masks."
    )
