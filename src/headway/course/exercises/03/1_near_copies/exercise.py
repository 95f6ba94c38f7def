"""Near-copies: the same picture, saved again at another size, as another kind of file, a little darker.

Their bytes differ, so comparing files does not find them. Compare fingerprints instead. For the *average hash*

1. shrink the picture to 16 x 16 with Pillow's `Image.resize` and `Image.Resampling.BOX`: each new pixel is the mean
   of what it stands for;
2. ask of each of the 256 pixels whether it is brighter than the mean of all 256.

That gives 256 answers of yes or no. Pictures are near-copies if only a few answers differ.
"""

import numpy as np

SIDE = 16


def average_hash(picture: np.ndarray) -> np.ndarray:
    """A picture's fingerprint, bool `[SIDE * SIDE]`: which parts of it are brighter than its mean.

    `picture` is grey, uint8 `[height, width]`; `Image.fromarray` makes a Pillow image of it.
    """
    # Write it here.
    raise NotImplementedError


def near_copies(pictures: list[np.ndarray], bits: int = 10) -> list[tuple[int, int]]:
    """Pairs of pictures whose fingerprints differ in at most `bits` places, by their positions.

    The first number of a pair is the smaller one; pairs come sorted, and each pair once. Pictures may differ in size.
    """
    # Write it here.
    raise NotImplementedError
