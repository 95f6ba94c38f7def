"""What anyone would try first: how often each face came up."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["on_faces"]


def on_faces(
    inputs: np.ndarray, targets: np.ndarray, parts: Mapping[str, np.ndarray], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """Logistic regression on the shares of the six faces, `[items, 6]`."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=10.0).fit(inputs, targets)
    return {name: model.predict_proba(array) for name, array in parts.items()}
