"""The loss of a batch, and its gradient by hand."""

import torch


def batch_loss(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean loss of raw outputs [items] against labels, 0 or 1, [items]."""
    # -log(sigmoid(z)) is log(1 + exp(-z)). Taking the larger of 0 and z out of it keeps exp from overflowing.
    return (outputs.clamp(min=0) - outputs * labels + (-outputs.abs()).exp().log1p()).mean()


def gradient(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The slope of `batch_loss` for each of the outputs, [items]."""
    # How far the probability is from the truth; the mean divides it by the number of items.
    return (outputs.sigmoid() - labels) / len(outputs)
