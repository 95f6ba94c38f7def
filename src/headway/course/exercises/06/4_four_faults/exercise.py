"""A training loop with four faults. Mend them one at a time.

`train` fits a linear classifier to pictures. It runs without an error, and the model that comes out is poor. Each of
the check's cases points at one fault; mend it, save, check again.

The loss of the batch is kept at each step, so that it can be looked at. The parameters start at zero.
"""

import torch


def train(
    pictures: torch.Tensor, labels: torch.Tensor, *, lr: float, epochs: int, batch_size: int, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor, list[float]]:
    """Weights [pixels, 1], bias [1] and the loss of each step.

    Pictures are floats [items, rows, columns]; labels are 0.0 or 1.0, [items].
    """
    generator = torch.Generator().manual_seed(seed)
    inputs = pictures.reshape(len(pictures), -1)
    weights = torch.zeros(inputs.shape[1], 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    losses = []
    for _ in range(epochs):
        order = torch.randperm(len(inputs), generator=generator)
        for number in range(len(inputs) // batch_size):
            rows = order[number * batch_size : (number + 1) * batch_size]
            outputs = (inputs[rows] @ weights + bias).sigmoid()
            probabilities = outputs.sigmoid()
            truths = labels[rows]
            loss = -(truths * probabilities.log() + (1 - truths) * (1 - probabilities).log()).mean()
            loss.backward()
            with torch.no_grad():
                weights -= lr * weights.grad
                bias -= lr * bias.grad
            losses.append(loss.item())
    return weights.detach(), bias.detach(), losses
