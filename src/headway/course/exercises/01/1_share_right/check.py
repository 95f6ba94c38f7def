"""Checks `share_right`."""

from headway.course.checking import case, close, function, raises, same_as

share_right = function("share_right", "answers", "truths")


@case("counts right answers")
def _():
    close(share_right(["animal", "food"], ["animal", "animal"]), 0.5, meaning="right answers, divided by all answers")
    close(share_right(["food"], ["food"]), 1.0, meaning="all right is 1")
    close(share_right(["food"], ["animal"]), 0.0, meaning="none right is 0")


@case("agrees with scikit-learn")
def _():
    from sklearn.metrics import accuracy_score

    def draws(numbers):
        count = int(numbers.integers(1, 30))
        return tuple(list(map(int, numbers.integers(0, 3, count))) for _ in range(2))

    same_as(share_right, lambda answers, truths: accuracy_score(truths, answers), draws=draws)


@case("no answer is not right")
def _():
    close(share_right([None, "food"], [None, "food"]), 0.5, meaning="None is no answer, whatever stands beside it")


@case("refuses lists of different lengths")
def _():
    meaning = "zip stops at the shorter list, so a number comes out that leaves items out without saying so"
    raises(ValueError, lambda: share_right(["food"], ["food", "animal"]), meaning=meaning)
    raises(ValueError, lambda: share_right(["food", "animal"], ["food"]), meaning=meaning)


@case("refuses empty lists")
def _():
    raises(ValueError, lambda: share_right([], []), meaning="no items, no share: 0 and 1 would both be made up")
