"""Reads a picture for the model, as training did."""

import io

import numpy as np
from PIL import Image, ImageOps


def read(data: bytes, size: int) -> np.ndarray:
    """A picture as the model takes it, uint8 `[size, size, 3]`: upright, on white, squeezed, red first."""
    with Image.open(io.BytesIO(data)) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    small = white.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(small)
