"""Small data sets of each kind with faults planted in them, as files that commands read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import soundfile
from PIL import Image

__all__ = ["PLANTED"]


def plant_table(folder: Path) -> list[str]:
    """Leaking and useless columns, patients and days on both sides, ids in order, values that miss with a reason."""
    draw, count = np.random.default_rng(1), 240
    numbers = draw.normal(size=(count, 3)).round(6)
    is_yes = np.sort(numbers[:, 0] + numbers[:, 1] + 0.1 * draw.normal(size=count) > 0)
    labels = np.where(is_yes, "yes", "no").tolist()
    days = [f"2024-{1 + n // 28:02d}-{1 + n % 28:02d}" for n in draw.permutation(count).tolist()]
    blood = np.where(is_yes & (draw.random(count) < 0.9), np.nan, draw.normal(size=count))
    numbers[:40] = numbers[200:] + 0
    table = pl.DataFrame(
        {
            **dict(zip("abc", numbers.T, strict=True)),
            "id": range(count),
            "code": np.where(is_yes, "y", "n"),
            "patient_id": [f"p{one}" for one in np.where(is_yes, 100, 200) + draw.integers(0, 30, count)],
            "same": ["x"] * count,
            "note": [f"ask {n}@example.org" if n % 3 == 0 else "none" for n in range(count)],
            "day": days,
            "blood": pl.Series(blood).fill_nan(None),
            "answer": labels,
        }
    )
    table.write_csv(folder / "table.csv")
    return ["table.csv", "--target", "answer"]


def plant_photos(folder: Path) -> list[str]:
    """Dark photos, copies, a camera that goes with the class, bursts, a name that says another class."""
    draw = np.random.default_rng(0)
    for number in range(140):
        label = ("cat", "dog")[number % 2]
        small = draw.integers(40, 255, (8, 8, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize((96, 80), Image.Resampling.BICUBIC)
        image = Image.fromarray(np.zeros((80, 96, 3), np.uint8)) if number in (10, 11, 12) else image
        exif = Image.Exif()
        exif[271], exif[272] = "Maker", "A1" if (label == "cat") == (draw.random() < 0.8) else "B2"
        exif[306] = f"2024:01:01 {number // 8:02d}:00:{number % 8:02d}"
        name = f"dog.{number:03d}" if number == 20 else f"{label}.{number:03d}"
        (folder / "photos" / label).mkdir(parents=True, exist_ok=True)
        image.save(folder / "photos" / label / f"{name}.jpg", quality=92, exif=exif)
        if number < 12:
            image.save(folder / "photos" / label / f"{name}x.jpg", quality=60, exif=exif)
    return ["photos", "--size", "64"]


def plant_texts(folder: Path) -> list[str]:
    """Copies, markup, another script, an address, a text of nothing, a label in two spellings, blanks by class."""
    draw = np.random.default_rng(0)
    words = ["river", "house", "garden", "window", "winter", "summer", "paper", "music", "yellow", "orange"]
    texts = [" ".join(draw.choice(words, 12)) + (" " * 3 if n % 2 else "") for n in range(100)]
    texts[3:6] = ["<p>" + text + "</p>" for text in texts[3:6]]
    texts[7], texts[9], texts[11] = "привет мир как дела", "write to ada@example.org today", "."
    labels = ["ham" if n % 2 else "spam" for n in range(100)]
    labels[50:60:2] = ["Spam"] * 5
    texts += [text + "!" for text in texts[20:40]]
    labels += labels[20:40]
    pl.DataFrame({"text": texts, "label": labels}).write_csv(folder / "texts.csv")
    return ["texts.csv", "--input", "text", "--target", "label"]


def plant_sounds(folder: Path) -> list[str]:
    """Silent recordings, and copies that are louder."""
    draw = np.random.default_rng(0)
    for number in range(48):
        label = ("high", "low")[number % 2]
        pitch = draw.uniform(300, 500) * (2 if label == "high" else 1)
        samples = 0.3 * np.sin(2 * np.pi * pitch * np.arange(4000) / 8000) + 0.01 * draw.normal(size=4000)
        samples *= 0 if number in (5, 6) else draw.uniform(0.5, 1)
        (folder / "sounds" / label).mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "sounds" / label / f"{number:02d}a.wav", samples, 8000)
        if number > 38:
            soundfile.write(folder / "sounds" / label / f"{number:02d}b.wav", 0.7 * samples, 8000)
    return ["sounds"]


def plant_series(folder: Path) -> list[str]:
    """Copies with some noise."""
    draw = np.random.default_rng(0)
    series = [np.cumsum(draw.normal(size=50)) + (n % 2) * np.sin(np.arange(50)) for n in range(60)]
    series += [one + 0.001 * draw.normal(size=50) for one in series[:15]]
    columns = {f"t{moment}": [float(one[moment]) for one in series] for moment in range(50)}
    labels = ["ab"[n % 2] for n in range(60)] + ["ab"[n % 2] for n in range(15)]
    pl.DataFrame({**columns, "label": labels}).write_csv(folder / "series.csv")
    return ["series.csv", "--target", "label"]


PLANTED: dict[str, Callable[[Path], list[str]]] = {
    "table": plant_table,
    "photos": plant_photos,
    "texts": plant_texts,
    "sounds": plant_sounds,
    "series": plant_series,
}
