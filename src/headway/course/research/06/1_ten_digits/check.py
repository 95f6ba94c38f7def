"""Checks a classifier of ten digits on digits that no lesson shows."""

import torch

from headway.course.checking import beats, case, function, hidden, never, quick, require, shape

fit = function("fit", "pictures", "labels", "seed")


def tensors(images, labels):
    return torch.tensor(images, dtype=torch.get_default_dtype()) / 255, torch.tensor(labels)


@case("uses the parts of this lesson")
def _():
    meaning = "Linear and functional are fine; convolutions and ready-made classifiers are for later"
    never("torch.nn.Conv2d", "torch.nn.functional.conv2d", "torchvision", "sklearn", "headway.Learner", meaning=meaning)


@case("gives a digit for each picture, and beats three nearest neighbours", last=True)
def _():
    from sklearn.neighbors import KNeighborsClassifier

    from headway.course.data import digits

    (pictures, labels), (unseen, truths) = tensors(*digits()), tensors(*hidden("digits"))
    rival = KNeighborsClassifier(3).fit(pictures.reshape(len(pictures), -1), labels)
    theirs = torch.tensor(rival.predict(unseen.reshape(len(unseen), -1)))
    with quick(180):
        predict = fit(pictures, labels, seed=0)
    ours = torch.as_tensor(predict(unseen))
    shape(ours, (len(unseen),))
    require(bool(((ours >= 0) & (ours <= 9)).all()), "Digits from 0 to 9.", came=ours)
    shares = [(answers == truths).double().mean().item() for answers in (ours, theirs)]
    beats(*shares, meaning="three nearest neighbours, on 500 digits that no lesson shows")
