"""Suspected labels: which labels would a model that never saw the item not have given?

"The model says something else" is not enough: some classes are hard, and there it is never sure. *Confident learning*
compares with what is usual:

1. A class's **usual** probability is the mean probability that the model gives it, over the items labelled with it.
2. An item is **suspect** if another class than its label has at least that class's usual probability. If several do,
   the most probable of them is suggested.
3. The less probability an item's own label has, the more suspect it is. Ties stay in the order of the rows.

A class that no item is labelled with has no usual probability, and is never suggested.
"""

import numpy as np


def suspects(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose label looks wrong, the most suspect first, and the class that the model suggests for them.

    Args:
        probabilities: By a model that was not trained on the items, float `[items, classes]`; rows sum to 1.
        labels: The class that each item is labelled with, int `[items]`.

    Returns:
        Rows, int `[suspects]`, and the suggested classes, int `[suspects]`.
    """
    # Write it here.
    raise NotImplementedError
