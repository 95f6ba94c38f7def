"""Checks `batch_loss` and `gradient`."""

import torch
from torch.nn import functional as F

from headway.course.checking import case, close, draw, function, grad, never, require, same_as, shape

batch_loss = function("batch_loss", "outputs", "labels")
gradient = function("gradient", "outputs", "labels")

LABELS = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0])


@case("is minus the log of the truth's probability")
def _():
    close(
        batch_loss(torch.tensor([0.0]), torch.tensor([1.0])),
        0.693147,
        within=1e-4,
        meaning="an output of 0 is a probability of 0.5, and -log(0.5) is 0.693",
    )
    close(batch_loss(torch.tensor([2.0]), torch.tensor([0.0])), 2.126928, within=1e-4, meaning="-log(1 - sigmoid(2))")


@case("agrees with torch on random batches")
def _():
    def draws(numbers):
        count = int(numbers.integers(1, 40))
        outputs = torch.tensor(numbers.normal(size=count) * 3, dtype=torch.float32)
        return outputs, torch.tensor(numbers.integers(0, 2, count), dtype=torch.float32)

    meaning = "the mean over the batch; 1 - p loses digits where p is near 1, so use the output itself"
    same_as(batch_loss, F.binary_cross_entropy_with_logits, draws=draws, meaning=meaning)


@case("stays finite for sure models")
def _():
    for output, label, expected in ((200.0, 0.0, 200.0), (-200.0, 1.0, 200.0), (200.0, 1.0, 0.0)):
        came = batch_loss(torch.tensor([output]), torch.tensor([label]))
        close(came, expected, within=1e-3, meaning="sigmoid(200) is rounded to 1: use the output itself")


@case("has the gradient that small steps show")
def _():
    outputs = draw((5,), seed=1) * 2
    shape(gradient(outputs, LABELS), (5,))
    labels = LABELS.double()
    grad(
        lambda z: F.binary_cross_entropy_with_logits(z, labels),
        outputs,
        gradient=lambda z: gradient(z, labels),
        meaning="the slope of the mean loss for each output",
    )


@case("is written without torch.nn and autograd")
def _():
    never("torch.autograd", "torch.nn", meaning="write the loss out with log and exp; the slope is one line")
    came = gradient(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]))
    close(came, [-0.25, 0.25], meaning="(0.5 - 1) / 2 and (0.5 - 0) / 2")
    require(not came.requires_grad, "A gradient that is not itself recorded.", came=came)
