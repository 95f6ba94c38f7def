"""Checks a write-up: its length, its words, and that every number in it was measured."""

import re
from pathlib import Path

from headway.course.checking import case, close, equal, function, require, value
from headway.course.data import coin_flips

measure = function("measure", "table")
QUOTE = re.compile(r"\{([a-z_]\w*)(:[^{}]*)?\}")


def text() -> str:
    return value("TEXT")


@case("has 500 to 800 words")
def _():
    count = len(text().split())
    require(500 <= count <= 800, "500 to 800 words.", came=f"{count} words")
    sentences = [line.strip() for line in re.split(r"[.!?]\s", text()) if line.strip()]
    meaning = "the same sentences again do not count"
    require(
        len(set(sentences)) > 0.9 * len(sentences),
        "Sentences that differ.",
        came=f"{len(set(sentences))} different",
        meaning=meaning,
    )


@case("types no number")
def _():
    typed = re.findall(r"\d+[.,]\d+|\d+ ?(?:%|percent|points)", QUOTE.sub("", text()))
    meaning = "typed numbers stay as they are when the model changes"
    require(not typed, "Numbers that are quoted by name.", came=", ".join(typed[:5]), meaning=meaning)


@case("quotes what was measured")
def _():
    quoted = {name for name, _ in QUOTE.findall(text())}
    needed = {"accuracy", "low", "high", "baseline"}
    require(needed <= quoted, f"{', '.join(sorted(needed))} in the text.", came=", ".join(sorted(quoted)))
    equal(sorted(quoted - set(value("CLAIMS"))), [], meaning="names in the text that CLAIMS does not have")
    text().format(**value("CLAIMS"))


@case("says what the words mean to a reader")
def _():
    missing = [word for word in ("baseline", "interval", "label") if word not in text().lower()]
    equal(missing, [], meaning="words that do not occur")


@case("claims what can be true")
def _():
    claims = value("CLAIMS")
    low, accuracy, high = (claims[name] for name in ("low", "accuracy", "high"))
    require(0 <= low <= accuracy <= high <= 1, "low, accuracy and high in this order.", came=(low, accuracy, high))
    require(
        high - low > 0.005, "An interval with a width.", came=f"{high - low:.4f}", meaning="few items, wide interval"
    )
    require(0 < claims["baseline"] <= 1, "A share for the baseline.", came=claims["baseline"])


@case("comes out again", section="first", last=True)
def _():
    came = measure(str(value("TABLE")))
    for name, number in value("CLAIMS").items():
        require(name in came, f"`{name}` among what was measured.", came=", ".join(came))
        close(came[name], number, within=max(0.03, 0.01 * abs(number)), meaning=f"`{name}`, measured again")


@case("measures nothing where there is nothing", section="first", last=True)
def _():
    came = measure(str(coin_flips(Path("coin_flips.csv").resolve())))
    meaning = (
        "the labels are coin flips by thing: nobody can know them, and no number that was written down is true here"
    )
    for name in ("accuracy", "baseline"):
        number = float(came[name])
        require(0.3 <= number <= 0.7, f"`{name}` near 0.5, from 0.3 to 0.7.", came=f"{number:.3f}", meaning=meaning)
    low, high = float(came["low"]), float(came["high"])
    require(low <= 0.6 and high >= 0.4, "An interval near 0.5.", came=(low, high), meaning=meaning)
