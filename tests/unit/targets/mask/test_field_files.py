"""A data set whose answers are files: read once, left out where they do not fit, never all in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image as PILImage

import headway as hw
from headway.data import store
from headway.data.loader import Loader
from headway.data.restore import reopen
from headway.errors import DataError

FIELD = hw.Mask("mask", classes=["out", "in"])
PHOTO = hw.Image("photo", size=32)

MaskFolder = Callable[..., pl.DataFrame]


@pytest.fixture
def mask_folder(tmp_path: Path) -> MaskFolder:
    """Makes photos of discs and their masks; a table of their paths."""

    def make(count: int = 20) -> pl.DataFrame:
        draw = np.random.default_rng(0)
        rows = []
        for number in range(count):
            width, height = draw.integers(30, 60, size=2)
            down, across = np.mgrid[:height, :width]
            disc = np.hypot(down - height / 2, across - width / 2) < draw.integers(8, 14)
            pixels = np.where(disc[..., None], 200, 60) + draw.integers(-30, 30, size=(height, width, 3))
            PILImage.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{number:02d}.jpg")
            PILImage.fromarray(disc.astype(np.uint8)).save(tmp_path / f"{number:02d}.png")
            rows.append((str(tmp_path / f"{number:02d}.jpg"), str(tmp_path / f"{number:02d}.png")))
        return pl.DataFrame(rows, schema=["photo", "mask"], orient="row")

    return make


def data_of(items: Any, **options: Any) -> hw.Data:
    return hw.from_items(items, input=PHOTO, target=FIELD, **options)


def test_batches_hold_masks_beside_photos(mask_folder: MaskFolder) -> None:
    data = data_of(mask_folder())
    batch = next(iter(Loader(data.train, 4, shuffle=True)))
    assert tuple(batch.inputs.shape) == (4, 3, 32, 32)
    assert tuple(batch.targets.shape) == (4, 32, 32)
    assert batch.targets.numpy().dtype == np.uint8
    # The discs are the light part of each photo.
    light = batch.inputs.float().mean(dim=1) > 130
    assert (light == batch.targets.bool()).float().mean() > 0.95
    assert "Mask(column='mask'" in data.summary()


def test_a_canvas_that_is_larger_than_the_view(mask_folder: MaskFolder) -> None:
    data = hw.from_items(mask_folder(), input=hw.Image("photo", size=32, crop=0.8), target=FIELD)
    plain, shuffled = next(iter(Loader(data.valid, 4))), next(iter(Loader(data.train, 4, shuffle=True)))
    assert tuple(plain.targets.shape) == (4, 32, 32)
    assert tuple(shuffled.targets.shape) == (4, 40, 40)
    assert data.valid.targets.shape == (4, 32, 32)
    assert (data.valid.targets == plain.targets.numpy()).all()


def test_masks_are_read_once_and_found_again(mask_folder: MaskFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    items = mask_folder()
    first = data_of(items)
    monkeypatch.setattr("headway.targets.mask.field.stored_numbers", None)
    again = data_of(items)
    assert (again.valid.targets == first.valid.targets).all()
    assert again.fingerprint == first.fingerprint


def test_without_room_they_are_read_each_time(mask_folder: MaskFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    items = mask_folder()
    expected = data_of(items).valid.targets
    monkeypatch.setattr(store, "MAX_STORE_BYTES", 0)
    monkeypatch.setattr(store, "MAX_MEMORY_BYTES", 0)
    data = hw.from_items(items, input=hw.Image("photo", size=32, squeeze=1.2501), target=FIELD)
    assert data.store.answers is not None
    assert data.store.answers.canvases is None
    found = next(iter(Loader(data.valid, 4))).targets.numpy()
    assert (found == expected).mean() > 0.99


def test_masks_that_do_not_fit_are_left_out(mask_folder: MaskFolder, tmp_path: Path) -> None:
    items = mask_folder(60)
    PILImage.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "00.png")
    sizes = [hw.Image("photo").frame(tmp_path / name) for name in ("00.jpg", "01.jpg")]
    PILImage.new("L", (sizes[1].width, sizes[1].height), 7).save(tmp_path / "01.png")
    width, height = sizes[0].width, sizes[0].height
    items = items.with_columns(mask=pl.when(pl.int_range(60) == 2).then(None).otherwise("mask"))
    data = data_of(items)
    assert data.problems["reason"].to_list() == [
        f"a mask of another size than its photo: 9 x 9 pixels, its photo {width} x {height}",
        "a mask with numbers that are neither a class nor ignored: 7",
        "no value in column 'mask'",
    ]
    assert len(data.items) == 57
    assert data.train.targets.max() == 1


def test_too_many_masks_that_do_not_fit(mask_folder: MaskFolder, tmp_path: Path) -> None:
    items = mask_folder(20)
    for number in range(2):
        (tmp_path / f"{number:02d}.png").unlink()
    with pytest.raises(DataError) as caught:
        data_of(items)
    shown = [f"{tmp_path / f'{number:02d}.jpg'}: no such file" for number in range(2)]
    assert str(caught.value) == (
        "2 of 20 items cannot be read; more than 5% is too many to go on without them.\n"
        f"  Given: {'; '.join(shown)}\n  Fix:   Repair or remove those files, or correct the paths."
    )


def test_a_class_that_no_mask_has(mask_folder: MaskFolder) -> None:
    field = hw.Mask("mask", classes=["out", "in", "edge"])
    with pytest.raises(DataError) as caught:
        hw.from_items(mask_folder(), input=PHOTO, target=field)
    assert str(caught.value) == (
        "Some classes are in no training item.\n"
        "  Given: 16 training rows without any 'edge'; Mask(column='mask', classes={0: 'out', 1: 'in', 2: 'edge'}, "
        "ignore=(255,))\n  Fix:   Correct the classes (`classes`, `ignore`), or leave those out."
    )


def test_masks_in_memory(mask_folder: MaskFolder) -> None:
    items = mask_folder()
    arrays = [np.asarray(PILImage.open(file)) for file in items["mask"]]
    found = data_of({"photo": items["photo"].to_list(), "mask": arrays})
    assert (found.valid.targets == data_of(items).valid.targets).all()


def test_paths_in_a_table_are_taken_from_its_folder(mask_folder: MaskFolder, tmp_path: Path) -> None:
    items = mask_folder()
    names = items.with_columns(pl.col("photo", "mask").str.split("/").list.last())
    names.write_csv(tmp_path / "table.csv")
    data = hw.from_csv(tmp_path / "table.csv", input=PHOTO, target=FIELD)
    assert data.items["mask"].to_list() == items["mask"].to_list()
    assert data.fingerprint == data_of(items).fingerprint


def test_the_fingerprint_knows_the_masks_but_not_where_they_lie(mask_folder: MaskFolder, tmp_path: Path) -> None:
    items = mask_folder()
    before = data_of(items).fingerprint
    (tmp_path / "elsewhere").mkdir()
    moved = tmp_path / "elsewhere" / "03.png"
    (tmp_path / "03.png").rename(moved)
    items = items.with_columns(mask=pl.when(pl.int_range(20) == 3).then(pl.lit(str(moved))).otherwise("mask"))
    assert data_of(items).fingerprint == before
    stored = np.asarray(PILImage.open(moved)).copy()
    stored[0, 0] = 1
    PILImage.fromarray(stored).save(moved)
    assert data_of(items).fingerprint != before


@pytest.mark.slow
def test_opened_again(mask_folder: MaskFolder, tmp_path: Path) -> None:
    items = mask_folder(60)
    (tmp_path / "05.png").write_bytes(b"")
    data = data_of(items)
    kept = {"input": data.input, "target": data.target, "split": "as it was"}
    again = reopen(data.items, data.problems, **kept)
    assert again.fingerprint == data.fingerprint
    assert (again.train.targets == data.train.targets).all()
    (tmp_path / "07.png").unlink()
    with pytest.raises(DataError) as caught:
        reopen(data.items, data.problems, **kept)
    assert str(caught.value).splitlines()[:2] == [
        "1 of the run's 59 items have changed since it began, so it would not end the same.",
        f"  Given: {tmp_path / '07.jpg'} (no such file)",
    ]
    accepted = reopen(data.items, data.problems, accept_changes=True, **kept)
    assert len(accepted.items) == 58


def test_in_memory_there_is_nothing_to_open_again(mask_folder: MaskFolder) -> None:
    data = data_of(mask_folder())
    with pytest.raises(DataError) as caught:
        reopen(data.items.drop("mask"), data.problems, input=data.input, target=data.target, split="")
    assert str(caught.value) == (
        "The run's items were in memory, and its table does not have them.\n"
        "  Given: no column 'mask'\n  Fix:   Pass the same data set again (data=)."
    )


def test_masks_are_shown_on_their_photos(mask_folder: MaskFolder) -> None:
    data = data_of(mask_folder())
    figure = data.show(4)
    assert [len(axes.images) for axes in figure.axes] == [2, 2, 2, 2]
    overlay: Any = figure.axes[0].images[1]
    shown = np.ma.getdata(overlay.get_array())
    assert any((shown == mask).all() for mask in data.train.targets)
