from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

import headway as hw
from headway.audit.build import item_audit
from headway.audit.shortcuts import check_shortcuts
from headway.judge.diagnosis.finding import Finding

NUM_PHOTOS, SIDE = 80, 64


def photo(draw: np.random.Generator) -> np.ndarray:
    """Coarse blocks of colour with noise: neighbours are alike, as in photos."""
    coarse = draw.integers(60, 200, (8, 8, 3)).repeat(SIDE // 8, axis=0).repeat(SIDE // 8, axis=1)
    return (coarse + draw.integers(-12, 13, (SIDE, SIDE, 3))).clip(0, 255).astype(np.uint8)


def folder(path: Path, change: str = "") -> hw.Data:
    """Two classes that nothing separates but the change."""
    draw = np.random.default_rng(0)
    for number in range(NUM_PHOTOS):
        label, pixels = ("cat", "dog")[number % 2], photo(draw)
        options: dict[str, Any] = {"quality": 90}
        is_cat = number % 2 == 0
        if change == "mark" and is_cat:
            pixels[3:5, 4:7] = 255
        if change == "border" and is_cat:
            pixels[:4] = pixels[-4:] = (40, 90, 200)
        if change == "quality" and is_cat:
            options = {"quality": 60}
        image = PILImage.fromarray(pixels)
        if change == "grey" and is_cat:
            image = image.convert("L").convert("RGB")
        if change == "camera":
            exif = PILImage.Exif()
            exif[272] = "Alpha" if is_cat else "Beta"
            options["exif"] = exif
        if change == "day":
            exif = PILImage.Exif()
            exif[306] = f"2024:{3 if is_cat else 7:02d}:{1 + number % 28:02d} 12:{number // 2:02d}:00"
            options["exif"] = exif
        if change == "remark":
            exif = PILImage.Exif()
            exif[270] = "my cat" if is_cat else "a dog"
            options["exif"] = exif
        (path / label).mkdir(parents=True, exist_ok=True)
        file = path / label / f"{number:03d}.jpg"
        image.save(file, **options)
        if change == "hour":
            # Cats by day and dogs by night, over weeks.
            seconds = 86_400 * (20_000 + number) + 3_600 * (8 if is_cat else 20)
            os.utime(file, (seconds, seconds))
    return hw.from_folder(path, size=SIDE)


def shortcuts(data: hw.Data) -> list[Finding]:
    audit = item_audit(data)
    found = [*check_shortcuts(audit, 0), *audit.findings()]
    return [finding for finding in found if finding.kind == "shortcut"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "source"),
    [
        ("border", "the border"),
        ("quality", "the form of the file"),
        ("camera", "the camera and software in EXIF"),
        ("day", "the time and place in EXIF"),
        ("grey", "sharpness, contrast and colourfulness"),
    ],
)
def test_what_goes_with_the_class_by_accident_is_found(tmp_path: Path, change: str, source: str) -> None:
    findings = {finding.evidence["from"]: finding for finding in shortcuts(folder(tmp_path, change))}
    assert findings[source].severity != "note"


def test_a_mark_of_a_few_pixels_is_found(tmp_path: Path) -> None:
    [finding] = [one for one in item_audit(folder(tmp_path, "mark")).findings() if one.kind == "shortcut"]
    assert finding.severity == "serious"
    # Two by three, and those that a JPEG smears it over.
    assert finding.sentence.startswith("A few pixels tell the label: 25 of 4,096, in rows 1 to 6 and columns 2 to 8 of")


@pytest.mark.slow
def test_photos_of_nothing_in_particular_have_no_shortcut(tmp_path: Path) -> None:
    assert not shortcuts(folder(tmp_path))


def test_poor_photos_are_found(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for number in range(40):
        label, pixels = ("cat", "dog")[number % 2], photo(draw)
        if number == 4:
            pixels = pixels // 12
        if number == 6:
            pixels[:] = (90, 120, 30)
        if number == 8:
            pixels = pixels[:12, :12]
        if number == 10:
            pixels[SIDE // 2 :] = 128
        (tmp_path / label).mkdir(exist_ok=True)
        PILImage.fromarray(pixels).save(tmp_path / label / f"{number:03d}.png")
    data = hw.from_folder(tmp_path, size=SIDE)
    poor = {
        one.evidence["how"]: one.evidence["rows"] for one in item_audit(data).findings() if one.kind == "poor_items"
    }
    assert {name: [rows[0]] for name, rows in poor.items() if name != "blurred"} == {
        "dark": [2],
        "empty": [3],
        "tiny": [4],
        "cut off": [5],
    }


def test_a_burst_is_a_group(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for number in range(16):
        exif = PILImage.Exif()
        exif[272], exif[306] = "Alpha", f"2024:05:01 12:{number // 4:02d}:{number % 4:02d}"
        label = ("cat", "dog")[number % 2]
        (tmp_path / label).mkdir(exist_ok=True)
        PILImage.fromarray(photo(draw)).save(tmp_path / label / f"{number:03d}.jpg", exif=exif)
    groups = item_audit(hw.from_folder(tmp_path, size=SIDE)).groups()
    assert groups["bursts"].n_unique() == 4
    assert groups["the camera in EXIF"].unique().to_list() == ["Alpha"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "source"), [("remark", "the remarks in the file"), ("hour", "the time of day of the file")]
)
def test_what_files_say_beside_the_photo_is_a_shortcut(tmp_path: Path, change: str, source: str) -> None:
    assert [finding.evidence["from"] for finding in shortcuts(folder(tmp_path, change))] == [source]


@pytest.mark.slow
def test_a_name_across_a_corner_is_found_in_photos_of_several_sizes(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    letters = np.kron(draw.random((4, 12)) < 0.5, np.ones((3, 3), dtype=bool))
    for number in range(NUM_PHOTOS):
        height, width = (int(side) for side in draw.integers(90, 140, 2))
        pixels = draw.integers(60, 200, (height // 8 + 1, width // 8 + 1, 3)).repeat(8, axis=0).repeat(8, axis=1)
        pixels = pixels[:height, :width].astype(np.uint8)
        if number % 2 == 0:
            corner = pixels[-16:-4, -40:-4]
            corner[letters] = (0.4 * corner[letters] + 0.6 * 255).astype(np.uint8)
        label = ("cat", "dog")[number % 2]
        (tmp_path / label).mkdir(exist_ok=True)
        PILImage.fromarray(pixels).save(tmp_path / label / f"{number:03d}.jpg", quality=92)
    [finding] = item_audit(hw.from_folder(tmp_path, size=SIDE)).findings()
    assert finding.severity == "serious"
    assert finding.evidence["pixels"] > 60
    assert "of the four corners of the photos" in finding.sentence


def test_a_class_of_one_photo_has_no_mark() -> None:
    draw = np.random.default_rng(1)
    photos = [photo(draw) for _ in range(60)]
    photos[0][20:22, 20:22] = (255, 0, 255)
    items: dict[str, Any] = {"photo": photos, "label": ["one", *["a", "b"] * 29, "a"]}
    audit = item_audit(hw.from_items(items, input=hw.Image("photo", size=SIDE), target="label"))
    assert not [finding for finding in audit.findings() if finding.kind == "shortcut"]
