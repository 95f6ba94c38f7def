"""Pictures that stand in for the photos of the documents: two classes that a model can tell apart."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CAMERAS = ("north", "east", "south", "west")


def write_examples(folder: Path) -> None:
    """What the documents speak of: `photos/`, `new_photos/` and `masks/`, a folder a class, and two tables of them."""
    write_photos(folder / "photos", num_a_class=12, masks=folder / "masks")
    write_photos(folder / "new_photos", num_a_class=4, seed=1)
    masks = [f"photos/{kind}/{n:02d}.jpg,masks/{kind}/{n:02d}.png" for kind in ("cat", "dog") for n in range(12)]
    (folder / "masks.csv").write_text("\n".join(["photo,mask", *masks]) + "\n")
    lines = ["file,label,camera,taken"]
    for kind in ("cat", "dog"):
        for number, file in enumerate(sorted((folder / "photos" / kind).iterdir())):
            camera = CAMERAS[number % len(CAMERAS)]
            lines.append(f"photos/{kind}/{file.name},{kind},{camera},{date(2024, 1, 1) + timedelta(days=number)}")
    (folder / "photos.csv").write_text("\n".join(lines) + "\n")


def write_photos(folder: Path, *, num_a_class: int, side: int = 64, seed: int = 0, masks: Path | None = None) -> None:
    """Yellow discs on blue (dog) and red squares on brown (cat), at any place, in any size, with noise.

    Their masks, where they are wanted, hold 0 for what is around them, 1 for a cat and 2 for a dog.
    """
    for place, kind in enumerate(("cat", "dog")):
        for each in (folder, masks) if masks else (folder,):
            (each / kind).mkdir(parents=True)
        for number in range(num_a_class):
            random = np.random.default_rng((seed, place, number))
            radius = int(random.integers(side // 7, side // 4))
            x, y = random.integers(radius, side - radius, 2).tolist()
            box = (x - radius, y - radius, x + radius, y + radius)
            image = Image.new("RGB", (side, side), ((150, 110, 60), (60, 90, 140))[place])
            mask = Image.new("L", (side, side))
            for drawn, colour in ((image, ((200, 40, 60), (230, 230, 90))[place]), (mask, place + 1)):
                draw = ImageDraw.Draw(drawn)
                if kind == "dog":
                    draw.ellipse(box, fill=colour)
                else:
                    draw.rectangle(box, fill=colour)
            if masks:
                mask.save(masks / kind / f"{number:02d}.png")
            noise = random.integers(-40, 41, (side, side, 3))
            pixels = (np.asarray(image).astype(np.int64) + noise).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / kind / f"{number:02d}.jpg", quality=90)
