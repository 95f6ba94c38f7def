"""Checks a test set of one's own, and the accuracy that is reported on it."""

import torch

from headway.course.checking import beats, case, close, function, hidden, require, value

drawn = function("drawn")
answers = function("answers", "pictures")


def own():
    pictures, truths = drawn()
    return torch.as_tensor(pictures).to(torch.get_default_dtype()), torch.as_tensor(truths)


@case("has 50 digits or more, five of each")
def _():
    pictures, truths = own()
    form = pictures.ndim == 3 and tuple(pictures.shape[1:]) == (28, 28) and len(pictures) == len(truths)
    came = f"{list(pictures.shape)} and {list(truths.shape)}"
    require(form, "Pictures [items, 28, 28], and what each shows.", came=came)
    counts = [(truths == digit).sum().item() for digit in range(10)]
    require(min(counts) >= 5 and len(truths) >= 50, "Five of each digit or more.", came=counts)


@case("looks like the lesson's digits: white on black, from 0 to 1")
def _():
    pictures, _ = own()
    require(pictures.min() >= 0 and pictures.max() <= 1, "Numbers from 0 to 1.", came=pictures)
    ink = pictures.mean().item()
    require(0.03 < ink < 0.5, "Dark background, light strokes.", came=f"a mean of {ink:.2f}", meaning="0 is black")


@case("is your own")
def _():
    from headway.course.data import digits

    pictures, _ = own()
    flat = pictures.reshape(len(pictures), -1)
    known = torch.tensor(digits()[0], dtype=flat.dtype).reshape(-1, 784) / 255
    near = torch.cdist(flat, known).min(1).values
    meaning = "a picture of the lesson's data is among them"
    require(
        near.min().item() > 1.0,
        "Pictures that are not in the data.",
        came=f"{(near <= 1).sum()} of them are",
        meaning=meaning,
    )
    among = torch.cdist(flat, flat) + 100 * torch.eye(len(flat), dtype=flat.dtype)
    meaning = "each drawn by hand: no two are equal"
    require(among.min().item() > 0.1, "50 different pictures.", came="copies among them", meaning=meaning)


@case("reports what comes out")
def _():
    from scipy.stats import binomtest

    pictures, truths = own()
    right = (torch.as_tensor(answers(pictures)) == truths).double()
    share, low, high = value("REPORTED")
    close(share, right.mean().item(), within=0.011, meaning="your model's share of right answers, asked again")
    interval = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    close((low, high), (interval.low, interval.high), within=0.03, meaning="a 95 % interval for this many digits")


@case("answers for other digits, too", last=True)
def _():
    images, truths = hidden("digits")
    pictures = torch.tensor(images, dtype=torch.get_default_dtype()) / 255
    right = (torch.as_tensor(answers(pictures)) == torch.tensor(truths)).double()
    meaning = "500 of the lesson's digits that no lesson shows: a model of digits gets nine of ten of them"
    beats(right.mean().item(), 0.85, meaning=meaning)
