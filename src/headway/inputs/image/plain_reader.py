"""Photos as an exported graph takes them, without Headway: numpy and Pillow. `headway export` copies it."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

__all__ = ["read"]


def read(files: Sequence[str | Path], field: dict[str, Any]) -> np.ndarray:
    """The middle of each photo, uint8 `[photos, size, size, channels]`; `field` is facts.json's "input"."""
    return np.stack([_square(io.BytesIO(Path(file).read_bytes()), field) for file in files])


def _square(file: io.BytesIO, field: dict[str, Any]) -> np.ndarray:
    size, squeeze, mode = field["size"], field["squeeze"], "L" if field["channels"] == 1 else "RGB"
    side = round(size / field["crop"])
    image = Image.open(file)
    # A JPEG is decoded at 1/2, 1/4 or 1/8 where that still covers the square.
    image.draft(mode, (side, side))
    image = _flat(ImageOps.exif_transpose(image), field.get("value_range")).convert(mode)
    if image.size != (side, side):
        # The longer side is squeezed up to a limit, and what is beyond it cut off at both ends.
        width, height = min(image.width, squeeze * image.height), min(image.height, squeeze * image.width)
        left, top = (image.width - width) / 2, (image.height - height) / 2
        box = (left, top, left + width, top + height)
        image = image.resize((side, side), Image.Resampling.BICUBIC, box=box)
    start = (side - size) // 2
    pixels = np.asarray(image, dtype=np.uint8).reshape(side, side, field["channels"])
    return pixels[start : start + size, start : start + size]


def _flat(image: Image.Image, value_range: tuple[float, float] | None) -> Image.Image:
    """In 8 bits, what is transparent laid on white."""
    if image.mode.startswith(("I", "F")):
        low, high = value_range or ((0, 1) if image.mode == "F" else (0, 65535))
        shares = (np.nan_to_num(np.asarray(image, dtype=np.float32), nan=low) - np.float32(low)) * np.float32(
            255 / (high - low)
        )
        image = Image.fromarray(np.clip(np.round(shares), 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        above = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
    return image
