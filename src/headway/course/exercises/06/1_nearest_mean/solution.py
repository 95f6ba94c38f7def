"""Tell threes from sevens by the nearest mean picture."""

import torch


def nearest_mean(train_pictures: torch.Tensor, train_labels: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """The label of the nearest mean picture for each of `pictures`."""
    classes = train_labels.unique()
    means = torch.stack([train_pictures[train_labels == label].mean(0) for label in classes])
    # [items, 1, rows, columns] minus [classes, rows, columns]: a distance for each picture and class.
    distances = (pictures[:, None] - means).abs().mean((-2, -1))
    return classes[distances.argmin(1)]
