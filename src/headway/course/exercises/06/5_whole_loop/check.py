"""Checks `fit`."""

import torch

from headway.course.checking import beats, case, close, function, hidden, never, pure, quick, require, shape

fit = function("fit", "pictures", "labels", "seed")


def threes_and_sevens(images, labels):
    wanted = (labels == 3) | (labels == 7)
    return torch.tensor(images[wanted], dtype=torch.get_default_dtype()) / 255, torch.tensor(labels[wanted])


def few() -> tuple[torch.Tensor, torch.Tensor]:
    """Enough to try the form of an answer."""
    from headway.course.data import digits

    pictures, labels = threes_and_sevens(*digits())
    return pictures[:100], labels[:100]


@case("gives probabilities, one a picture")
def _():
    pictures, labels = few()
    came = fit(pictures, labels, seed=0)(pictures[:7])
    shape(came, (7,))
    inside = bool(((came >= 0) & (came <= 1)).all())
    require(inside, "Numbers from 0 to 1.", came=came, meaning="the sigmoid of the raw outputs")
    require(not came.requires_grad, "Plain numbers, without a record for `backward`.", came=came)


@case("leaves pictures and labels as they are")
def _():
    pure(lambda pictures, labels: fit(pictures, labels, seed=0), *few())


@case("the same seed gives the same model")
def _():
    pictures, labels = few()
    torch.manual_seed(1)
    one = fit(pictures, labels, seed=5)(pictures)
    torch.manual_seed(2)
    close(fit(pictures, labels, seed=5)(pictures), one, meaning="weights and order must be drawn from the seed alone")
    other = fit(pictures, labels, seed=6)(pictures)
    meaning = "the seed must be used"
    require(not torch.equal(one, other), "Another seed gives another model.", came="the same", meaning=meaning)


@case("is built from tensors")
def _():
    never("torch.nn", "torch.optim", "sklearn", "headway", meaning="use the parts that you wrote in this lesson")


@case("is right for 96 of 100 hidden digits, with three seeds", last=True)
def _():
    from headway.course.data import digits

    (pictures, labels), (unseen, truths) = (threes_and_sevens(*rows) for rows in (digits(), hidden("digits")))
    shares = []
    for seed in range(3):
        with quick(5):
            model = fit(pictures, labels, seed=seed)
        shares.append(((model(unseen) > 0.5) == (truths == 7)).float().mean().item())
    beats(sum(shares) / 3, 0.9599, meaning="the mean pictures get about 0.93, this loop 0.97 or more")
