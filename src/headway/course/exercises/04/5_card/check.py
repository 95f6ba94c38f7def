"""Checks a model card against the report that it is about."""

import re
from functools import cache

from headway.course.checking import case, equal, function, require

judged = function("judged")
card = function("card", "report")
HEADINGS = ["Intended use", "Not for", "How good it is", "Who is missing", "Harm", "Appeal"]
LEAST = 40


@cache
def report():
    return judged()


@cache
def text() -> str:
    return str(card(report()))


def section(heading: str) -> str:
    """What stands under a heading, in one line."""
    parts = re.split(r"^## +", text(), flags=re.MULTILINE)
    own = [part for part in parts if part.splitlines()[0].strip() == heading]
    return " ".join(own[0].split("\n", 1)[-1].split()) if own else ""


@case("is judged by slices")
def _():
    slices = report().slices
    require(
        slices is not None and len(slices.slices) >= 2,
        "A report with two slices or more.",
        came="none",
        meaning="pass `slices=[...]`, a column whose groups you want to compare",
    )
    require(
        "valid" in report().parts or "test" in report().parts, "Items not trained on.", came=str(list(report().parts))
    )


@case("has its headings in order", section="review")
def _():
    title = text().lstrip().splitlines()[0]
    require(
        title.startswith("# Model card: ") and len(title) > 16,
        "A first line: # Model card: what it answers.",
        came=title,
    )
    equal(re.findall(r"^## +(.+?)\s*$", text(), flags=re.MULTILINE), HEADINGS)


@case("says what only a person knows", section="review")
def _():
    for heading in HEADINGS:
        came = section(heading)
        require(len(came) >= LEAST, f"{LEAST} characters or more under {heading}.", came=came or "nothing")
    texts = [section(heading).lower() for heading in HEADINGS]
    require(len(set(texts)) == len(texts), "Another text under each heading.", came="the same text twice")


@case("leaves no blanks", section="review")
def _():
    blanks = re.findall(r"_{3,}|\bTODO\b|\bto be done\b|\bTBD\b|\.\.\.|…", text(), flags=re.IGNORECASE)
    equal(blanks, [], meaning='a blank that nobody fills is read as "no problem"')


@case("gives each group its number", section="measure")
def _():
    main = report().metric
    came = section("How good it is")
    for one in report().slices.slices:
        require(one.name in came, f"The slice {one.name}.", came=came, meaning="one number for all hides who pays")
        number = str(one.metrics[main])
        require(
            number in came,
            f"{one.name}: {number}",
            came=came,
            meaning="its value with its interval, as the report has it",
        )


@case("stands by the verdict", section="review")
def _():
    require(
        report().verdict.sentence in section("How good it is"),
        report().verdict.sentence,
        came=section("How good it is"),
    )


@case("takes its numbers from the report", section="review")
def _():
    import numpy as np

    import headway as hw

    targets = np.arange(200) % 2
    probabilities = np.eye(2)[targets] * 0.5 + 0.25
    items = {"town": ["east", "west"] * 50 + ["west", "east"] * 50}
    other = hw.judge_predictions(probabilities, targets, items=items, slices=["town"], labels=["no", "yes"])
    came = str(card(other))
    require(
        all(one.name in came for one in other.slices.slices),
        "A card about the report that it is called with.",
        came=came[:200],
        meaning="with another report the card has that report's slices and numbers",
    )
