"""A test that catches a broken model."""


def test_answer(answer: dict, classes: list) -> None:
    """Fails, by `assert`, if the answer of a model with these classes is broken."""
    probabilities = answer["probabilities"]
    assert set(probabilities) == set(classes), "a probability for each class and for nothing else"
    # A comparison with NaN is false, so this catches it too.
    assert all(0 <= value <= 1 for value in probabilities.values()), "each lies between 0 and 1"
    assert abs(sum(probabilities.values()) - 1) < 1e-4, "they sum to 1"
    assert probabilities.get(answer["label"]) == max(probabilities.values()), "the label is the most probable class"
