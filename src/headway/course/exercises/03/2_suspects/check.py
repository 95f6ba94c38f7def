"""Checks `suspects`."""

import numpy as np

from headway.course.checking import case, equal, function, pure, require, same_as

suspects = function("suspects", "probabilities", "labels")


def plain(probabilities, labels):
    """The same in loops."""
    usual = {}
    for label in set(labels.tolist()):
        usual[label] = np.mean([row[label] for row, own in zip(probabilities, labels, strict=True) if own == label])
    suggested = {}
    for number, (row, own) in enumerate(zip(probabilities, labels, strict=True)):
        others = [label for label in usual if label != own and row[label] >= usual[label]]
        if others:
            suggested[number] = max(others, key=lambda label: row[label])
    order = sorted(suggested, key=lambda number: probabilities[number, labels[number]])
    return [order, [suggested[number] for number in order]]


def as_lists(result):
    require(
        isinstance(result, tuple | list) and len(result) == 2, "Two arrays: rows, and suggested classes.", came=result
    )
    return [[int(number) for number in part] for part in result]


@case("finds the label that nobody else would give")
def _():
    sure = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.05, 0.95], [0.02, 0.98]])
    rows, suggested = as_lists(suspects(sure, np.array([0, 0, 1, 1, 0])))
    equal(rows, [4], meaning="row 4 is labelled 0, and the model is sure of 1")
    equal(suggested, [1], meaning="the class that it should have been")


@case("compares with what is usual for the class")
def _():
    # Class 1 is hard: even its own items get about 0.6, so 0.55 for it is less than usual.
    hard = np.array([[0.9, 0.1], [0.95, 0.05], [0.45, 0.55], [0.4, 0.6], [0.35, 0.65], [0.4, 0.6]])
    rows, _ = as_lists(suspects(hard, np.array([0, 0, 0, 1, 1, 1])))
    equal(rows, [], meaning="row 2 has 0.55 for class 1, whose own items get 0.62 on average")


@case("the least probable label comes first")
def _():
    values = np.array(
        [[0.3, 0.7], [0.2, 0.8], [0.25, 0.75], [0.9, 0.1], [0.9, 0.1], [0.95, 0.05], [0.4, 0.6], [0.4, 0.6]]
    )
    rows, _ = as_lists(suspects(values, np.array([0, 0, 0, 0, 0, 0, 1, 1])))
    equal(rows, [1, 2, 0], meaning="by the probability of the label that the item has, the lowest first")


@case("ties stay in the order of the rows")
def _():
    # NumPy's usual sort keeps the order of a few ties, and not of many.
    numbers = np.random.default_rng(0)
    first = numbers.choice([0.1, 0.3, 0.7, 0.9], 400)
    values, labels = np.stack([first, 1 - first], axis=1), numbers.integers(0, 2, 400)
    rows, _ = as_lists(suspects(values, labels))
    equal(rows, plain(values, labels)[0], meaning="of rows whose labels are equally probable the upper comes first")


@case("suggests the most probable of several")
def _():
    values = np.array([[0.1, 0.45, 0.45 - 0.05], [0.8, 0.1, 0.1], [0.3, 0.4, 0.3], [0.35, 0.3, 0.35]])
    _, suggested = as_lists(suspects(values, np.array([0, 0, 1, 2])))
    equal(suggested[:1], [1], meaning="classes 1 and 2 both reach what is usual for them; class 1 has more")


@case("agrees with loops")
def _():
    def draws(numbers):
        count, num_classes = int(numbers.integers(1, 30)), int(numbers.integers(2, 5))
        values = numbers.dirichlet(np.ones(num_classes), count)
        return values, numbers.integers(0, num_classes, count)

    same_as(lambda *arguments: as_lists(suspects(*arguments)), plain, draws=draws)


@case("a class without items is never suggested")
def _():
    values = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.3, 0.6, 0.1]])
    rows, suggested = as_lists(suspects(values, np.array([0, 0, 1])))
    require(
        2 not in suggested, "Class 2, which no label names, is not suggested.", came=f"rows {rows}, classes {suggested}"
    )


@case("finds labels that were flipped", section="first")
def _():
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    numbers = np.random.default_rng(0)
    truths = np.repeat(np.arange(3), 100)
    inputs = numbers.normal(size=(300, 2)) + 2.5 * np.array([[0, 0], [1, 0], [0, 1]])[truths]
    flipped = numbers.choice(300, 24, replace=False)
    labels = truths.copy()
    labels[flipped] = (labels[flipped] + 1) % 3
    values = cross_val_predict(LogisticRegression(), inputs, labels, cv=5, method="predict_proba")
    rows, _ = as_lists(suspects(values, labels))
    right = len(set(rows[:15]) & set(flipped.tolist()))
    require(right >= 12, "Of the first 15 suspects at least 12 were flipped.", came=f"{right} were")


@case("leaves its arguments as they are")
def _():
    pure(lambda *arguments: suspects(*arguments), np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([1, 1]))
