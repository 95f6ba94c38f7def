"""Pictures that stand in for the photos of the documents: two classes that a model can tell apart."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CAMERAS = ("north", "east", "south", "west")


def write_examples(folder: Path) -> None:
    """What the documents speak of: `photos/` and `new_photos/`, a folder a class, and `photos.csv`."""
    write_photos(folder / "photos", num_a_class=12)
    write_photos(folder / "new_photos", num_a_class=4, seed=1)
    lines = ["file,label,camera,taken"]
    for kind in ("cat", "dog"):
        for number, file in enumerate(sorted((folder / "photos" / kind).iterdir())):
            camera = CAMERAS[number % len(CAMERAS)]
            lines.append(f"photos/{kind}/{file.name},{kind},{camera},{date(2024, 1, 1) + timedelta(days=number)}")
    (folder / "photos.csv").write_text("\n".join(lines) + "\n")


def write_photos(folder: Path, *, num_a_class: int, side: int = 64, seed: int = 0) -> None:
    """Yellow discs on blue (dog) and red squares on brown (cat), at any place, in any size, with noise."""
    for place, kind in enumerate(("cat", "dog")):
        (folder / kind).mkdir(parents=True)
        for number in range(num_a_class):
            random = np.random.default_rng((seed, place, number))
            radius = int(random.integers(side // 7, side // 4))
            x, y = random.integers(radius, side - radius, 2).tolist()
            box = (x - radius, y - radius, x + radius, y + radius)
            image = Image.new("RGB", (side, side), ((150, 110, 60), (60, 90, 140))[place])
            draw = ImageDraw.Draw(image)
            if kind == "dog":
                draw.ellipse(box, fill=(230, 230, 90))
            else:
                draw.rectangle(box, fill=(200, 40, 60))
            noise = random.integers(-40, 41, (side, side, 3))
            pixels = (np.asarray(image).astype(np.int64) + noise).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / kind / f"{number:02d}.jpg", quality=90)
