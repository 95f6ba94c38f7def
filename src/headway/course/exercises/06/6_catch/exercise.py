"""Write the test that a loss must pass.

`test_loss` is handed a loss: a function from raw outputs [items] and labels, 0.0 or 1.0, [items] to one number. It
returns nothing if the loss can steer a training, and fails, by `assert`, if it cannot. A good loss

- falls when a right answer grows surer, and rises when a wrong one does, for both labels,
- moves a little even where the answer itself stays the same: a step from 1.0 to 1.1 is enough,
- counts every item of the batch,
- stays finite for very sure models, with outputs of 200 and -200,
- gives one number.

The check hands it good losses, of which it must let every one pass, and broken ones, each broken in one way.
"""

from collections.abc import Callable

import torch


def test_loss(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
    """Fails, by `assert`, if the loss cannot steer a training."""
    # Write it here.
    raise NotImplementedError
