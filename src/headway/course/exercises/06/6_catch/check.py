"""Checks that the learner's test lets good losses pass and catches broken ones."""

import torch
from torch.nn import functional as F

from headway.course.checking import case, catches, function

test_loss = function("test_loss", "loss")


def cross_entropy(outputs, labels):
    return F.binary_cross_entropy_with_logits(outputs, labels)


@case("lets good losses pass")
def _():
    good = {
        "the mean cross-entropy": cross_entropy,
        "its sum": lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="sum"),
        "the squared error of the probability": lambda z, y: ((z.sigmoid() - y) ** 2).mean(),
        "a loss that weighs sevens twice": lambda z, y: (F.softplus(-z) * 2 * y + F.softplus(z) * (1 - y)).mean(),
        "a loss below zero": lambda z, y: cross_entropy(z, y) - 5,
    }
    catches(test_loss, honest=good)


@case("catches a loss that only moves with the answer")
def _():
    wrong = {"one minus the accuracy": lambda z, y: 1 - ((z > 0) == (y > 0.5)).float().mean()}
    catches(test_loss, mutants=wrong)


@case("catches a loss that leads uphill")
def _():
    wrong = {
        "the sign is wrong": lambda z, y: -cross_entropy(z, y),
        "the labels are swapped": lambda z, y: cross_entropy(z, 1 - y),
    }
    catches(test_loss, mutants=wrong)


@case("catches a loss that leaves items out")
def _():
    wrong = {
        "only sevens count": lambda z, y: (F.softplus(-z) * y).mean(),
        "only threes count": lambda z, y: (F.softplus(z) * (1 - y)).mean(),
        "only the first item counts": lambda z, y: cross_entropy(z[:1], y[:1]),
        "the last item does not count": lambda z, y: cross_entropy(z[: max(len(z) - 1, 1)], y[: max(len(z) - 1, 1)]),
    }
    catches(test_loss, mutants=wrong)


@case("catches a loss that is not finite")
def _():
    def naive(z, y):
        p = z.sigmoid()
        return -(y * p.log() + (1 - y) * (1 - p).log()).mean()

    catches(test_loss, mutants={"the logarithm of a rounded probability": naive})


@case("catches more than one number")
def _():
    def each(z, y):
        return F.binary_cross_entropy_with_logits(z, y, reduction="none")

    catches(test_loss, mutants={"a loss for each item": each, "two numbers": lambda z, y: torch.ones(2)})
