"""A Learner in less than 60 lines."""

import torch

BATCH = 64


class Learner:
    """Trains any model that is a function with a list of parameters."""

    def __init__(self, model, parameters, loss, callbacks=()):
        self.model, self.parameters, self.loss, self.callbacks = model, list(parameters), loss, list(callbacks)
        self.stop, self.loss_value = False, None

    def fit(self, inputs, targets, epochs, rate, seed):
        """Gradient descent on mini-batches, in a new order each epoch."""
        # A generator of its own, so that a callback that draws numbers changes nothing.
        generator = torch.Generator().manual_seed(seed)
        self.stop = False
        self.call("before_fit")
        for _ in range(epochs):
            for rows in torch.randperm(len(inputs), generator=generator).split(BATCH):
                self.step(inputs[rows], targets[rows], rate)
                self.call("after_batch")
                if self.stop:
                    break
            self.call("after_epoch")
            if self.stop:
                break
        self.call("after_fit")

    def step(self, inputs, targets, rate):
        """One batch: predict, loss, gradient, step."""
        loss = self.loss(self.model(inputs), targets)
        loss.backward()
        with torch.no_grad():
            for parameter in self.parameters:
                parameter -= rate * parameter.grad
                parameter.grad = None
        self.loss_value = loss.item()

    def predict(self, inputs):
        """The model's outputs."""
        with torch.no_grad():
            return self.model(inputs)

    def call(self, event):
        """Calls what each callback has for an event."""
        for callback in self.callbacks:
            if hasattr(callback, event):
                getattr(callback, event)(self)
