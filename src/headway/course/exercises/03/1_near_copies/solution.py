"""Near-copies, found by a fingerprint of light and dark."""

from itertools import combinations

import numpy as np
from PIL import Image

SIDE = 16


def average_hash(picture: np.ndarray) -> np.ndarray:
    """A picture's fingerprint, bool `[SIDE * SIDE]`: which parts of it are brighter than its mean."""
    small = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX)
    means = np.asarray(small, dtype=float)
    return (means > means.mean()).ravel()


def near_copies(pictures: list[np.ndarray], bits: int = 10) -> list[tuple[int, int]]:
    """Pairs of pictures whose fingerprints differ in at most `bits` places, by their positions."""
    hashes = [average_hash(picture) for picture in pictures]
    pairs = combinations(range(len(pictures)), 2)
    return [(one, other) for one, other in pairs if (hashes[one] != hashes[other]).sum() <= bits]
