"""Checks that each of the four faults is gone."""

import math

import torch

from headway.course.checking import beats, case, close, draw, equal, function, hidden

train = function("train", "pictures", "labels", "lr", "epochs", "batch_size")

PICTURES = draw((10, 2, 3), seed=1, kind="uniform")
LABELS = torch.tensor([1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0])


def by_hand(steps: int, lr: float) -> torch.Tensor:
    """The weights after some steps on all items at once."""
    inputs, truths = PICTURES.reshape(10, -1).double(), LABELS.double()[:, None]
    weights, bias = torch.zeros(6, 1).double(), torch.zeros(1).double()
    for _ in range(steps):
        slope = ((inputs @ weights + bias).sigmoid() - truths) / 10
        weights, bias = weights - lr * inputs.T @ slope, bias - lr * slope.sum(0)
    return weights


@case("the first loss is that of a model that knows nothing")
def _():
    losses = train(PICTURES, LABELS, lr=0.5, epochs=1, batch_size=10)[2]
    meaning = "all parameters are 0, so each probability is 0.5 and the loss is -log(0.5) = 0.693"
    close(losses[0], math.log(2), within=1e-4, meaning=meaning)


@case("one step goes where the gradient says")
def _():
    weights = train(PICTURES, LABELS, lr=0.5, epochs=1, batch_size=10)[0]
    meaning = "each output must meet its own label: look at the shapes of the two in the loss"
    close(weights, by_hand(1, 0.5), within=1e-4, meaning=meaning)


@case("the second step starts from a fresh gradient")
def _():
    weights = train(PICTURES, LABELS, lr=0.5, epochs=2, batch_size=10)[0]
    meaning = "the second step is too long if it has the first one's gradient in it"
    close(weights, by_hand(2, 0.5), within=1e-4, meaning=meaning)


@case("every item is used in every epoch")
def _():
    losses = train(PICTURES, LABELS, lr=0.1, epochs=3, batch_size=4)[2]
    equal(len(losses), 9, meaning="10 items in batches of 4 are three batches: 4, 4 and 2")


@case("the model is good on hidden digits", last=True)
def _():
    from headway.course.data import digits

    (pictures, labels), (unseen, truths) = (_threes_and_sevens(*rows) for rows in (digits(), hidden("digits")))
    weights, bias, _ = train(pictures, labels, lr=0.1, epochs=10, batch_size=64)
    answers = (unseen.reshape(len(unseen), -1) @ weights + bias)[:, 0] > 0
    beats((answers == (truths > 0)).float().mean().item(), 0.95, meaning="with all four mended it gets 0.96 or more")


def _threes_and_sevens(images, labels):
    wanted = (labels == 3) | (labels == 7)
    return torch.tensor(images[wanted], dtype=torch.get_default_dtype()) / 255, torch.tensor(labels[wanted] == 7).to(
        torch.get_default_dtype()
    )
