"""The whole loop, with a bend, from nothing but tensors.

`fit` trains a network of two linear layers with a ReLU between them to tell sevens from threes. It returns a function
that gives, for pictures, the probability that each is a seven.

- Seven steps: start, predict, loss, gradient, step, repeat, stop.
- Start the weights from small random numbers; zeros would make all units of a layer the same for ever.
- Everything random comes from `seed`, so that the same seed gives the same model.
- No `torch.nn`, no `torch.optim`: you have written the parts yourself.
"""

from collections.abc import Callable

import torch


def fit(pictures: torch.Tensor, labels: torch.Tensor, *, seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function from pictures to probabilities [items] of a seven, trained within five seconds.

    Pictures are floats from 0 to 1, [items, 28, 28]; labels are 3 or 7, [items].
    """
    # Write it here.
    raise NotImplementedError
