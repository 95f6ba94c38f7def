"""One step of gradient descent, for any list of parameters."""

import torch


def step(parameters: list[torch.Tensor], lr: float) -> None:
    """Moves each parameter against its gradient by `lr` times the gradient, and clears the gradient."""
    with torch.no_grad():
        for parameter in parameters:
            if parameter.grad is not None:
                parameter -= lr * parameter.grad
                parameter.grad = None
