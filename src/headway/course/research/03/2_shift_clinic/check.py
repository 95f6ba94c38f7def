"""Checks five shifts: that they change something, and that the table comes out again."""

import numpy as np
from PIL import Image, ImageDraw

from headway.course.checking import case, close, equal, function, require, value

measure = function("measure", "name")


def items() -> list:
    """Forty pictures with shapes, half of each class."""
    made = []
    for seed in range(40):
        numbers = np.random.default_rng(seed)
        picture = Image.new("RGB", (96, 96), "white")
        corner = numbers.integers(10, 40, 2)
        ends = (*map(int, corner), *map(int, corner + numbers.integers(25, 50)))
        ImageDraw.Draw(picture).ellipse(ends, fill=tuple(map(int, numbers.integers(0, 200, 3))))
        made.append((picture, ("animal", "food")[seed % 2]))
    return made


def fingerprint(pictures: list) -> list:
    return [(np.asarray(picture.resize((48, 48))).tobytes(), label) for picture, label in pictures]


@case("has five shifts")
def _():
    equal(len(value("SHIFTS")), 5, meaning="five names, each with a function")
    equal(sorted(value("TABLE")), sorted([*value("SHIFTS"), "none"]), meaning="a row for each, and one for none")


@case("each changes the pictures, or how often a class occurs")
def _():
    plain = fingerprint(items())
    seen = [plain]
    for name, shift in value("SHIFTS").items():
        came = fingerprint(list(shift(items())))
        require(len(came) >= 15, "Pictures that are left.", came=f"{name}: {len(came)} of 40")
        require(came not in seen, "A change unlike the others.", came=f"{name}: the same pictures and labels")
        seen.append(came)


@case("one leaves all pictures as they are")
def _():
    known = {data for data, _ in fingerprint(items())}
    same = [
        name
        for name, shift in value("SHIFTS").items()
        if {data for data, _ in fingerprint(list(shift(items())))} <= known
    ]
    require(same, "A shift that changes only how often each class occurs.", came="none")


@case("without a shift there is no alarm")
def _():
    equal(
        bool(value("TABLE")["none"]["alarm"]),
        False,
        meaning="the same source: if this fires, nothing else means anything",
    )


@case("something harms, and something is seen")
def _():
    table = value("TABLE")
    harm = {name: table["none"]["accuracy"] - row["accuracy"] for name, row in table.items()}
    require(max(harm.values()) > 0.05, "A shift that costs more than 5 points.", came=str(harm))
    require(any(row["alarm"] for row in table.values()), "A shift that sets off the alarm.", came="none does")


@case("comes out again", section="drift", last=True)
def _():
    table = value("TABLE")
    worst = min(table, key=lambda name: table[name]["accuracy"])
    for name in ("none", worst):
        came = measure(name)
        close(came["accuracy"], table[name]["accuracy"], within=0.03, meaning=f'"{name}", measured again')
        equal(bool(came["alarm"]), bool(table[name]["alarm"]), meaning=f'the alarm for "{name}"')


def new_measure(name: str, shift) -> dict:
    """The learner's `measure` of a shift that the check adds."""
    value("SHIFTS")[name] = shift
    try:
        return measure(name)
    except LookupError as error:
        asked = "`measure` applies any function of `SHIFTS`."
        require(False, asked, came=f"{type(error).__name__}: {error}", meaning="is it looked up in the table?")
        raise


@case("measures shifts that it has not seen", section="drift", last=True)
def _():
    none = value("TABLE")["none"]["accuracy"]
    came = new_measure("all grey", lambda items: [(Image.new("RGB", one.size, "grey"), label) for one, label in items])
    meaning = "nothing is to be seen: one answer for all, and pictures that no training picture resembles"
    require(came["accuracy"] < 0.8, "An accuracy below 0.8 for grey pictures.", came=came["accuracy"], meaning=meaning)
    equal(bool(came["alarm"]), True, meaning=meaning)
    came = new_measure("as they are", list)
    close(
        came["accuracy"],
        none,
        within=0.03,
        meaning="a shift that changes nothing: the accuracy is that without a shift",
    )
    equal(bool(came["alarm"]), False, meaning="a shift that changes nothing")
    came = new_measure("wrong labels", wrong_labels)
    asked = f"An accuracy of at most {1 - none + 0.03:.2f}."
    meaning = "every label is another one: what was right is wrong"
    require(came["accuracy"] <= 1 - none + 0.03, asked, came=came["accuracy"], meaning=meaning)


def wrong_labels(items: list) -> list:
    """Each label is that of another class."""
    labels = sorted({label for _, label in items})
    other = dict(zip(labels, labels[1:] + labels[:1], strict=True))
    return [(picture, other[label]) for picture, label in items]
