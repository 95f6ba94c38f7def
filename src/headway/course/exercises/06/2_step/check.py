"""Checks `step`."""

import torch

from headway.course.checking import case, close, draw, function, require

step = function("step", "parameters", "lr")


def parameter(size: tuple[int, ...] = (3,), seed: int = 1) -> torch.Tensor:
    """A parameter with a gradient."""
    tensor = draw(size, seed=seed).requires_grad_()
    tensor.grad = draw(size, seed=seed + 100)
    return tensor


@case("moves against the gradient")
def _():
    one, other = parameter(), parameter((2, 4), seed=2)
    expected = [(each - 0.1 * each.grad).detach() for each in (one, other)]
    step([one, other], lr=0.1)
    for tensor, wanted in zip((one, other), expected, strict=True):
        close(tensor, wanted, meaning="new = old - lr * gradient, for every parameter of the list")


@case("uses the learning rate")
def _():
    tensor = parameter(seed=3)
    before = tensor.detach().clone()
    step([tensor], lr=0.0)
    close(tensor, before, meaning="with a learning rate of 0 nothing moves")


@case("clears the gradient")
def _():
    tensor = parameter(seed=4)
    step([tensor], lr=0.1)
    cleared = tensor.grad is None or bool((tensor.grad == 0).all())
    meaning = "the next `backward` would add its gradient to the old one"
    require(cleared, "The gradient is None or 0 after the step.", came=tensor.grad, meaning=meaning)


@case("leaves parameters without a gradient alone")
def _():
    frozen = draw((3,), seed=5)
    before = frozen.clone()
    step([parameter(seed=6), frozen], lr=0.1)
    close(frozen, before, meaning="a frozen layer's parameters have no gradient")


@case("fits a line, step by step")
def _():
    x = draw((50,), seed=7)
    y = 3 * x + 1
    w, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    for _ in range(200):
        loss = ((w * x + b - y) ** 2).mean()
        loss.backward()
        step([w, b], lr=0.1)
    close(torch.cat([w, b]), [3.0, 1.0], within=0.01, meaning="200 steps find the line that the points lie on")
    require(
        w.is_leaf and w.requires_grad,
        "The parameter is still one that `backward` gives a gradient.",
        came=w,
        meaning="the step itself must not be recorded",
    )
