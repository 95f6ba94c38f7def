"""Photos and masks in two folders, and which classes masks hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headway.errors import DataError
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


def test_classes_are_the_numbers_that_masks_hold() -> None:
    masks = [b"no mask", np.array([[3, 1]]), np.array([[255, 1]])]
    assert found_classes(masks) == {1: "1", 3: "3"}
    with pytest.raises(DataError, match="at least two classes"):
        found_classes([np.array([[1, 255]])])
