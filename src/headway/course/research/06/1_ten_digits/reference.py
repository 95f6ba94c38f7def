"""Ten digits with one bend: more outputs, another loss, and pictures that are moved a little."""

from collections.abc import Callable

import torch
from torch.nn import functional as F

UNITS, EPOCHS, BATCH = 200, 40, 64


def moved(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The pictures, all of them by the same few pixels to a side, up or down.

    A network that adds up pixels does not know that a digit stays the same when it moves: it must be shown. Moving the
    whole batch alike is quick, and another batch moves another way.
    """
    down, right = torch.randint(-2, 3, (2,), generator=generator).tolist()
    return pictures.roll((down, right), dims=(1, 2))


def fit(pictures: torch.Tensor, labels: torch.Tensor, seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function from pictures [items, rows, columns] to digits [items]."""
    generator = torch.Generator().manual_seed(seed)
    pixels = pictures[0].numel()
    parameters = [
        torch.randn(pixels, UNITS, generator=generator) / pixels**0.5,
        torch.zeros(UNITS),
        torch.randn(UNITS, 10, generator=generator) / UNITS**0.5,
        torch.zeros(10),
    ]
    for parameter in parameters:
        parameter.requires_grad_()
    weights, bias, last_weights, last_bias = parameters

    def outputs(batch: torch.Tensor) -> torch.Tensor:
        return (batch.reshape(len(batch), -1) @ weights + bias).relu() @ last_weights + last_bias

    for epoch in range(EPOCHS):
        # Long steps first, short ones at the end.
        rate = 0.3 * (1 - epoch / EPOCHS)
        for rows in torch.randperm(len(pictures), generator=generator).split(BATCH):
            # Softmax makes ten probabilities of ten outputs; the loss is minus the logarithm of the right one's.
            loss = F.cross_entropy(outputs(moved(pictures[rows], generator)), labels[rows])
            loss.backward()
            with torch.no_grad():
                for parameter in parameters:
                    parameter -= rate * parameter.grad
                    parameter.grad = None

    def predict(pictures: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return outputs(pictures).argmax(1)

    return predict
