"""Tell threes from sevens by the nearest mean picture.

- The mean picture of a class is the mean of its training pictures, pixel by pixel.
- The distance of two pictures is the mean of the absolute differences of their pixels.
- The answer for a picture is the label whose mean picture is nearest.

The labels are whole numbers; there may be two of them or more.
"""

import torch


def nearest_mean(train_pictures: torch.Tensor, train_labels: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """The label of the nearest mean picture for each of `pictures`.

    Pictures are floats [items, rows, columns], labels whole numbers [items].
    """
    # Write it here.
    raise NotImplementedError
