"""Checks that `judge` judges on rows that it set aside."""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from headway.course.checking import case, close, equal, function, require

judge = function("judge", "inputs", "labels", "share", "seed")


def flips(seed: int, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and labels that have nothing to do with them."""
    numbers = np.random.default_rng(seed)
    return numbers.normal(size=(count, 5)), numbers.integers(0, 2, count)


@case("sets the share aside")
def _():
    for share in (0.2, 0.5):
        train, valid, _ = judge(*flips(0, 100), share=share)
        equal(len(valid), round(100 * share), meaning=f"rows set aside of 100, for share={share}")
        equal(len(train), 100 - round(100 * share), meaning="all other rows are trained on")


@case("keeps train and valid apart")
def _():
    train, valid, _ = judge(*flips(0), seed=3)
    both = sorted(set(map(int, train)) & set(map(int, valid)))
    require(not both, "No row is in train and in valid.", came=f"{len(both)} rows are in both")


@case("judges on the rows set aside")
def _():
    inputs, _ = flips(1)
    # Nearly what the first column says, so that the accuracy is neither 0.5 nor 1.
    labels = (inputs[:, 0] + 0.5 * inputs[:, 1] > 0).astype(int)
    _, valid, accuracy = judge(inputs, labels, seed=2)
    others = np.setdiff1d(np.arange(len(labels)), valid)
    model = KNeighborsClassifier(n_neighbors=1).fit(inputs[others], labels[others])
    expected = (model.predict(inputs[valid]) == labels[valid]).mean()
    close(accuracy, expected, meaning="the share of right answers on valid, by a model trained on all others")


@case("finds nothing in coin flips")
def _():
    accuracy = float(np.mean([judge(*flips(seed), seed=seed)[2] for seed in range(5)]))
    meaning = "nothing can be learned from coin flips, so a good number says that the judge has seen the answers"
    require(0.4 < accuracy < 0.6, "An accuracy near 0.5.", came=f"{accuracy:.2f}", meaning=meaning)


@case("another seed sets other rows aside")
def _():
    same, other = (sorted(map(int, judge(*flips(0), seed=seed)[1])) for seed in (0, 1))
    require(same != other, "Other rows for another seed.", came="the same rows")
