"""One step of gradient descent, for any list of parameters.

After `loss.backward()` each parameter has its gradient in `.grad`. A step

- moves each parameter against its gradient: new = old - lr * gradient,
- changes the tensors themselves, since the model holds these very tensors,
- is not recorded for the next `backward`,
- clears each gradient, so that the next `backward` starts from nothing,
- leaves a parameter that has no gradient (`.grad` is None) as it is.
"""

import torch


def step(parameters: list[torch.Tensor], lr: float) -> None:
    """Moves each parameter against its gradient by `lr` times the gradient, and clears the gradient."""
    # Write it here.
    raise NotImplementedError
