"""Write the test that catches a broken model.

A model's answer to one picture is a dict:

    {"label": "food", "probabilities": {"animal": 0.03, "food": 0.97}}

`test_answer` is handed one answer and the classes of the model. It returns nothing if the answer can be right, and
fails, by `assert`, if it cannot. An answer can be right if

- there is a probability for each class and for nothing else,
- each probability lies between 0 and 1, and NaN is no probability,
- the probabilities sum to 1, up to the last digits that a computer rounds away,
- the label is a class with the highest probability.

The check hands it right answers, which must pass, and broken ones, each broken in one way.
"""


def test_answer(answer: dict, classes: list) -> None:
    """Fails, by `assert`, if the answer of a model with these classes is broken."""
    # Write it here.
    raise NotImplementedError
