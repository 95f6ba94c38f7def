"""Checks a learning curve: its form, one of its points again, and the prediction."""

from pathlib import Path
from statistics import mean

from headway.course.checking import case, close, equal, function, require, value
from headway.course.data import coin_flips, pictures

accuracy = function("accuracy", "table", "per_class", "seed")
SIZES = [5, 10, 20, 40, 80]


def points() -> dict[int, list[float]]:
    """The curve as plain numbers: `evaluate()["accuracy"]` is an estimate, which a number can be made of."""
    return {size: [float(one) for one in ones] for size, ones in value("CURVE").items()}


@case("has five sizes with three seeds each")
def _():
    curve = points()
    equal(sorted(curve), SIZES, meaning="drawings of each class")
    for size in SIZES:
        equal(len(curve[size]), 3, meaning=f"accuracies for {size} drawings, one for each seed")


@case("predicted before it measured")
def _():
    low, high = value("PREDICTED")
    require(0.5 <= low < high <= 1, "A range (low, high) between 0.5 and 1.", came=(low, high))
    require(high - low <= 0.2, "A range of at most 0.2: a wider one says nothing.", came=f"{high - low:.2f}")
    measured = value("MEASURED")
    require(measured is not None, "What came for 160 drawings.", came="None", meaning="write it once it is measured")
    require(0.5 <= float(measured) <= 1, "What came for 160 drawings, from 0.5 to 1.", came=measured)


@case("rises by more than its seeds differ")
def _():
    curve = points()
    spread = max(max(ones) - min(ones) for ones in curve.values())
    require(spread > 0, "Seeds that differ.", came="the same accuracy for all", meaning="were they measured?")
    rise = mean(curve[80]) - mean(curve[5])
    require(rise > 0.05, "80 drawings do better than 5, by more than 0.05.", came=f"{rise:.3f}")


@case("comes out again", last=True)
def _():
    came = accuracy(pictures("1"), 10, 1)
    close(came, points()[10][1], within=0.03, meaning="the point for 10 drawings and seed 1, measured again")


@case("measures what is not on the curve", last=True)
def _():
    curve = points()
    low, high = min(curve[10]) - 0.03, max(curve[80]) + 0.03
    came = float(accuracy(pictures("1"), 30, 4))
    meaning = "30 drawings of each class, seed 4: a point that nobody wrote down"
    require(low <= came <= high, f"An accuracy from {low:.2f} to {high:.2f}.", came=f"{came:.3f}", meaning=meaning)


@case("learns nothing where there is nothing", last=True)
def _():
    came = float(accuracy(coin_flips(Path("coin_flips.csv").resolve()), 80, 2))
    asked = "An accuracy near 0.5, from 0.3 to 0.7."
    meaning = "a table whose labels are coin flips: was a model trained on it?"
    require(0.3 <= came <= 0.7, asked, came=f"{came:.3f}", meaning=meaning)
