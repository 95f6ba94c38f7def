"""A model of one's own; here of pictures that a program drew, since nobody's photos ship with a course."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import headway as hw


def my_pictures() -> Path:
    """Twenty round and twenty square things, each of another size, colour, position and background."""
    folder = Path("my_pictures").resolve()
    for shape in ("round", "square"):
        (folder / shape).mkdir(parents=True, exist_ok=True)
        for number in range(20):
            numbers = np.random.default_rng([number, shape == "round"])
            size, left, top = numbers.integers(20, 40), *numbers.integers(4, 50, 2)
            # Another background for each: pictures that are nearly the same would leak from train into valid.
            patches = numbers.integers(150, 255, (6, 6, 3), dtype=np.uint8)
            picture = Image.fromarray(patches).resize((96, 96))
            pencil = ImageDraw.Draw(picture)
            outline = pencil.ellipse if shape == "round" else pencil.rectangle
            outline((left, top, left + size, top + size), fill=tuple(map(int, numbers.integers(0, 150, 3))))
            picture.save(folder / shape / f"{number}.png")
    return folder


def judged(folder: Path) -> hw.Report:
    """The report of a model that was trained on these pictures."""
    data = hw.from_folder(folder, size=96)
    learner = hw.Learner(data)
    learner.fine_tune(0)
    return learner.report()
