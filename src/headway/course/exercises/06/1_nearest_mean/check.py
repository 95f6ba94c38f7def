"""Checks `nearest_mean`."""

import torch

from headway.course.checking import beats, case, close, draw, equal, function, hidden, pure, shape

nearest_mean = function("nearest_mean", "train_pictures", "train_labels", "pictures")

BLACK, WHITE = torch.zeros(3, 3), torch.ones(3, 3)
TRAIN = torch.stack([BLACK, BLACK + 0.2, WHITE, WHITE - 0.2])
LABELS = torch.tensor([3, 3, 7, 7])


@case("answers with the label of the nearer mean")
def _():
    close(
        nearest_mean(TRAIN, LABELS, torch.stack([WHITE - 0.1, BLACK + 0.3])),
        torch.tensor([7, 3]),
        meaning="the means are 0.1 and 0.9 everywhere; the pictures 0.9 and 0.3",
    )


@case("takes the mean of absolute differences")
def _():
    # One pixel far off, or six a little: only the mean absolute difference prefers the first.
    one_far, six_near = torch.zeros(3, 3), torch.zeros(3, 3)
    one_far[0, 0] = -4.0
    six_near[1:] = 1.0
    answer = nearest_mean(torch.stack([one_far, six_near]), torch.tensor([3, 7]), torch.zeros(1, 3, 3))
    close(
        answer,
        torch.tensor([3]),
        meaning="the distances are 4/9 and 6/9; squares, largest or signed differences would say otherwise",
    )


@case("has an answer for each picture")
def _():
    shape(nearest_mean(TRAIN, LABELS, draw((5, 3, 3))), (5,))
    shape(nearest_mean(TRAIN, LABELS, draw((1, 3, 3))), (1,))


@case("works with three classes")
def _():
    pictures = torch.stack([BLACK, WHITE / 2, WHITE])
    equal(nearest_mean(pictures, torch.tensor([0, 4, 9]), pictures).tolist(), [0, 4, 9])


@case("leaves the pictures as they are")
def _():
    pure(nearest_mean, TRAIN.clone(), LABELS.clone(), draw((4, 3, 3)))


@case("is right for nine of ten hidden digits", last=True)
def _():
    from headway.course.data import digits

    (train, train_labels), (valid, valid_labels) = (_threes_and_sevens(*rows) for rows in (digits(), hidden("digits")))
    answers = nearest_mean(train, train_labels, valid)
    beats((answers == valid_labels).float().mean().item(), 0.90, meaning="the solution gets 0.91 or more")


def _threes_and_sevens(images, labels):
    wanted = (labels == 3) | (labels == 7)
    return torch.tensor(images[wanted], dtype=torch.get_default_dtype()) / 255, torch.tensor(labels[wanted])
