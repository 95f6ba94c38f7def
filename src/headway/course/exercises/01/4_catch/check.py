"""Checks that the learner's test lets right answers pass and catches broken ones."""

from headway.course.checking import case, catches, function

test_answer = function("test_answer", "answer", "classes")


def answer(label: str, **probabilities: float) -> tuple[dict, list]:
    """An answer, and the classes that it is about."""
    return {"label": label, "probabilities": probabilities}, ["animal", "food"]


def test(pair: tuple[dict, list]) -> object:
    """The learner's test, for an answer and its classes."""
    return test_answer(*pair)


@case("lets right answers pass")
def _():
    three = {"label": "bug", "probabilities": {"bird": 0.1, "bug": 0.7, "mammal": 0.2}}
    right = {
        "a usual answer": answer("food", animal=0.03, food=0.97),
        "certainty": answer("animal", animal=1.0, food=0.0),
        "a tie": answer("food", animal=0.5, food=0.5),
        "probabilities that were rounded": answer("food", animal=0.3333333, food=0.6666666),
        "three classes": (three, ["bug", "mammal", "bird"]),
    }
    catches(test, honest=right)


@case("catches a sum that is not 1")
def _():
    broken = {
        "the probabilities sum to 1.3": answer("food", animal=0.4, food=0.9),
        "the probabilities sum to 0.6": answer("food", animal=0.2, food=0.4),
    }
    catches(test, mutants=broken)


@case("catches what is no probability")
def _():
    broken = {
        "a probability is negative": answer("food", animal=-0.2, food=1.2),
        "a probability is NaN": answer("food", animal=float("nan"), food=0.9),
        "all probabilities are NaN": answer("food", animal=float("nan"), food=float("nan")),
    }
    catches(test, mutants=broken)


@case("catches the wrong label")
def _():
    broken = {"the label is the less probable class": answer("animal", animal=0.03, food=0.97)}
    catches(test, mutants=broken)


@case("catches other classes")
def _():
    broken = {
        "a class is missing": answer("food", food=1.0),
        "there is a class too many": answer("food", animal=0.1, food=0.8, drink=0.1),
        "a class has another name": answer("foods", animal=0.1, foods=0.9),
    }
    catches(test, mutants=broken)
