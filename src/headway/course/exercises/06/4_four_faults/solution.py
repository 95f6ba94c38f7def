"""A training loop without its four faults."""

import torch


def train(
    pictures: torch.Tensor, labels: torch.Tensor, *, lr: float, epochs: int, batch_size: int, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor, list[float]]:
    """Weights [pixels, 1], bias [1] and the loss of each step."""
    generator = torch.Generator().manual_seed(seed)
    inputs = pictures.reshape(len(pictures), -1)
    weights = torch.zeros(inputs.shape[1], 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    losses = []
    for _ in range(epochs):
        order = torch.randperm(len(inputs), generator=generator)
        # `split` keeps the last batch, which is smaller.
        for rows in order.split(batch_size):
            outputs = inputs[rows] @ weights + bias
            probabilities = outputs.sigmoid()
            # [items, 1] beside [items, 1]: beside [items] it would become [items, items] without a word.
            truths = labels[rows][:, None]
            loss = -(truths * probabilities.log() + (1 - truths) * (1 - probabilities).log()).mean()
            loss.backward()
            with torch.no_grad():
                for parameter in (weights, bias):
                    parameter -= lr * parameter.grad
                    parameter.grad = None
            losses.append(loss.item())
    return weights.detach(), bias.detach(), losses
