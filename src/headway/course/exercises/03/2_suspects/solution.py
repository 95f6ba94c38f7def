"""Which labels look wrong, by a model that was not trained on them."""

import numpy as np


def suspects(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose label looks wrong, the most suspect first, and the class that the model suggests for them."""
    rows, num_classes = np.arange(len(labels)), probabilities.shape[1]
    # A class that nobody has as a label is never usual.
    usual = np.full(num_classes, np.inf)
    for label in np.unique(labels):
        usual[label] = probabilities[labels == label, label].mean()
    rivals = np.where(probabilities >= usual, probabilities, -1.0)
    rivals[rows, labels] = -1.0
    suggested, own = rivals.argmax(1), probabilities[rows, labels]
    order = np.argsort(own, kind="stable")
    order = order[rivals.max(1)[order] >= 0]
    return order, suggested[order]
