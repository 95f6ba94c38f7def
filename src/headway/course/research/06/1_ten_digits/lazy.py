"""The nearest mean picture, for ten digits."""

import torch


def fit(pictures, labels, seed):
    """No training at all."""
    means = torch.stack([pictures[labels == digit].mean(0) for digit in range(10)])
    return lambda unseen: (unseen[:, None] - means).abs().mean((-2, -1)).argmin(1)
