"""The whole loop, with a bend, from nothing but tensors."""

from collections.abc import Callable

import torch

UNITS, LR, EPOCHS, BATCH = 30, 0.1, 30, 64


def fit(pictures: torch.Tensor, labels: torch.Tensor, *, seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function from pictures to probabilities [items] of a seven."""
    generator = torch.Generator().manual_seed(seed)
    inputs, truths = pictures.reshape(len(pictures), -1), (labels == 7).to(pictures.dtype)
    pixels = inputs.shape[1]
    # Smaller weights for more inputs, so that sums neither vanish nor explode.
    parameters = [
        torch.randn(pixels, UNITS, generator=generator) / pixels**0.5,
        torch.zeros(UNITS),
        torch.randn(UNITS, 1, generator=generator) / UNITS**0.5,
        torch.zeros(1),
    ]
    for parameter in parameters:
        parameter.requires_grad_()

    def outputs(batch: torch.Tensor) -> torch.Tensor:
        weights, bias, last_weights, last_bias = parameters
        return ((batch @ weights + bias).relu() @ last_weights + last_bias)[:, 0]

    for _ in range(EPOCHS):
        for rows in torch.randperm(len(inputs), generator=generator).split(BATCH):
            raw = outputs(inputs[rows])
            loss = (raw.clamp(min=0) - raw * truths[rows] + (-raw.abs()).exp().log1p()).mean()
            loss.backward()
            with torch.no_grad():
                for parameter in parameters:
                    parameter -= LR * parameter.grad
                    parameter.grad = None

    def probabilities(pictures: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return outputs(pictures.reshape(len(pictures), -1)).sigmoid()

    return probabilities
