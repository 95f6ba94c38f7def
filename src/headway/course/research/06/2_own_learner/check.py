"""Checks a Learner of at most 60 lines."""

import ast

import torch

from headway.course.checking import beats, case, close, equal, function, hidden, require, shape, source

Learner = function("Learner", "model", "parameters", "loss", "callbacks")


def line(callbacks=(), seed=0):
    """A learner for threes and sevens: a weight for each pixel, and a bias."""
    weights = torch.zeros(784, 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)

    def loss(outputs, targets):
        return torch.nn.functional.binary_cross_entropy_with_logits(outputs, targets)

    learner = Learner(
        model=lambda inputs: (inputs @ weights + bias)[:, 0], parameters=[weights, bias], loss=loss, callbacks=callbacks
    )
    return learner, weights


def rows(images, labels):
    wanted = (labels == 3) | (labels == 7)
    inputs = torch.tensor(images[wanted], dtype=torch.get_default_dtype()).reshape(-1, 784) / 255
    return inputs, torch.tensor(labels[wanted] == 7).to(inputs.dtype)


def few():
    from headway.course.data import digits

    inputs, targets = rows(*digits())
    return inputs[:200], targets[:200]


class Counts:
    """Counts what it is called with."""

    def __init__(self):
        self.calls, self.losses = [], []

    def before_fit(self, learner):
        self.calls.append("before_fit")

    def after_batch(self, learner):
        self.calls.append("after_batch")
        self.losses.append(float(learner.loss_value))

    def after_epoch(self, learner):
        self.calls.append("after_epoch")

    def after_fit(self, learner):
        self.calls.append("after_fit")


class StopsAfterTwo:
    """Ends the training after two batches."""

    count = 0

    def after_batch(self, learner):
        self.count += 1
        learner.stop = self.count == 2


@case("is at most 60 lines")
def _():
    tree = ast.parse(source())
    texts = {
        number
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for number in range(node.lineno, node.end_lineno + 1)
    }
    lines = [
        number
        for number, text in enumerate(source().splitlines(), start=1)
        if text.strip() and not text.strip().startswith("#") and number not in texts
    ]
    require(len(lines) <= 60, "At most 60 lines of code.", came=f"{len(lines)} lines")


@case("calls what a callback has, in order")
def _():
    counts = Counts()
    learner, _ = line([counts, object()])
    learner.fit(*few(), epochs=2, rate=0.1, seed=0)
    epoch = ["after_batch"] * 4 + ["after_epoch"]
    equal(
        counts.calls, ["before_fit", *epoch, *epoch, "after_fit"], meaning="200 items in batches of 64 are four batches"
    )
    require(counts.losses[-1] < counts.losses[0], "A loss that falls.", came=[round(one, 3) for one in counts.losses])


@case("a callback can stop it")
def _():
    counts = Counts()
    learner, _ = line([StopsAfterTwo(), counts])
    learner.fit(*few(), epochs=5, rate=0.1, seed=0)
    equal(counts.calls.count("after_batch"), 2, meaning="`learner.stop = True` ends the training after the batch")
    equal(counts.calls[-1], "after_fit", meaning="what was begun is ended, also when it is stopped")


@case("callbacks that only look change nothing")
def _():
    (plain, one), (watched, other) = line(), line([Counts()])
    for learner in (plain, watched):
        learner.fit(*few(), epochs=3, rate=0.1, seed=4)
    close(one, other, within=1e-12, meaning="the same seed, with and without callbacks")


@case("predicts without a record")
def _():
    learner, _ = line()
    came = learner.predict(few()[0])
    shape(came, (200,))
    require(not came.requires_grad, "Plain numbers.", came=came)


@case("learns threes and sevens", last=True)
def _():
    from headway.course.data import digits

    learner, _ = line()
    learner.fit(*rows(*digits()), epochs=20, rate=0.1, seed=0)
    inputs, targets = rows(*hidden("digits"))
    beats(((learner.predict(inputs) > 0) == (targets > 0)).double().mean().item(), 0.95)
