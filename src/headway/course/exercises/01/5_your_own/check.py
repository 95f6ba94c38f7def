"""Checks that a model of the learner's own pictures was trained and judged. The verdict itself does not matter."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from headway.course.checking import case, equal, function, learner_folder, require, say

my_pictures = function("my_pictures")
judged = function("judged", "folder")
ENOUGH = 15


@cache
def classes() -> dict[str, int]:
    """How many pictures are in each class folder; copies of a file count once."""
    folder = Path(my_pictures())
    require(folder.is_dir(), "A folder that exists.", came=str(folder), meaning="return the whole path of the folder")
    return {
        inner.name: len({sha256(file.read_bytes()).digest() for file in inner.iterdir() if file.is_file()})
        for inner in sorted(folder.iterdir())
        if inner.is_dir() and not inner.name.startswith(".")
    }


@cache
def report():
    return judged(Path(my_pictures()))


@case("has two classes of your own")
def _():
    require(len(classes()) >= 2, "At least two class folders.", came=", ".join(classes()) or "none")


@case("has enough pictures of each")
def _():
    few = {name: count for name, count in classes().items() if count < ENOUGH}
    meaning = "with fewer, hardly any are left to judge the model; copies of one picture tell it nothing new"
    asked = f"At least {ENOUGH} different pictures in each class folder."
    require(classes() and not few, asked, came=str(few or "no class folder"), meaning=meaning)
    say(", ".join(f"{name}: {count}" for name, count in classes().items()))


@case("was judged on pictures set aside", last=True)
def _():
    part = report().parts.get("valid")
    require(part is not None and part.count > 0, "A report about valid.", came=str(list(report().parts)))
    equal(sorted(report().labels), sorted(classes()), meaning="the classes of the report are those of your folder")


@case("stands beside baselines", last=True)
def _():
    names = [row.name for row in report().baselines]
    require("majority class" in names, "The majority class among the baselines.", came=", ".join(names))
    require(report().verdict.sentence, "A verdict.", came="none")
    part = report().parts["valid"]
    page = report().save(learner_folder() / "mine.html")
    say(f"Right for {part.metrics['accuracy']} of {part.count} pictures. {report().verdict.sentence}\nThe page: {page}")


@case("was trained", section="inside", last=True)
def _():
    meaning = "a learner that was never trained has no history, and its head is made of random numbers"
    require(len(report().history) > 0, "A history with at least one epoch.", came="an empty history", meaning=meaning)
