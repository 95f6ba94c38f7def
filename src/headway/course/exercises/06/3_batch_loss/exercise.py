"""The loss of a batch, and its gradient by hand.

A model gives one raw output a picture; its sigmoid is the probability that the picture is a seven. The loss of a
picture is minus the logarithm of the probability that the model gave to the truth. The loss of the batch is the mean.

- `batch_loss` must stay finite for very sure models: in a computer sigmoid(100) is 1, and log(1 - 1) is not a number
  to train with.
- `gradient` gives the slope of the batch's loss for each output. On paper it is short: work it out, or find it by
  looking at what autograd gives for a few outputs.

The lesson took its loss from `torch.nn`. Here you write it yourself, both without `torch.nn` and without autograd.
"""

import torch


def batch_loss(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean loss of raw outputs [items] against labels, 0 or 1, [items]."""
    # Write it here.
    raise NotImplementedError


def gradient(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The slope of `batch_loss` for each of the outputs, [items], without calling `backward`."""
    # Write it here.
    raise NotImplementedError
