"""What becomes of a piece of source when some of its expressions are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headway.peel.source import Writer
from headway.peel.specialise import Known, constant
from tests.unit.peel.running import output_of

# Times the number.
LIMIT = 3


def _halved(number: float) -> float:
    """Half of it.

    More of this is not written.
    """
    return number / 2


@dataclass(frozen=True)
class Scaler:
    """A scale."""

    factor: float = 2.0

    def __call__(self, number: float) -> float:
        # Why it is so.
        return self.factor * _halved(number)

    def unused(self) -> float:
        """Left out."""
        return math.inf


def branches(facts: Any, number: float) -> float:
    """All kinds of conditions."""
    # This goes with its branch.
    if facts.is_long:
        number = number * LIMIT
    if facts.is_short:
        # It does not matter.
        number = -number
        number += 1
    else:
        # It matters.
        number = abs(number) if facts.is_long else 0
    if facts.is_long and number > 1:
        number = (1 if facts.is_short else number) + 1
    if facts.is_long:
        return facts.scaler(number)
    return number


def body(facts: Any) -> None:
    # Of the first statement.
    numbers = np.array([facts.size])
    import json

    assert facts is not None
    print(json.dumps(branches(facts, numbers[0])))


def written(**arguments: Any) -> str:
    known = {
        "facts.is_long": Known(value=True),
        "facts.is_short": Known(value=False),
        "facts.size": constant("SIZE", 7, "of all"),
        "facts.scaler": Known("Scaler()", needs=Scaler),
    }
    options = {"inline": __name__, "gone": frozenset({"facts"}), "methods": {Scaler: ("__call__",)}}
    writer = Writer(known={"": known}, **{**options, **arguments})
    writer.section("All of it.")
    writer.block(body)
    return writer.text("A file.")


EXPECTED = '''"""A file."""

import json
from dataclasses import dataclass

import numpy as np

SIZE = 7  # of all
LIMIT = 3  # times the number

# All of it.


def halved(number: float) -> float:
    """Half of it."""
    return number / 2


@dataclass(frozen=True)
class Scaler:
    """A scale."""

    factor: float = 2.0

    def __call__(self, number: float) -> float:
        # Why it is so.
        return self.factor * halved(number)


def branches(number: float) -> float:
    """All kinds of conditions."""
    # This goes with its branch.
    number = number * LIMIT
    # It matters.
    number = abs(number)
    if number > 1:
        number = number + 1
    return Scaler()(number)


# Of the first statement.
numbers = np.array([SIZE])

print(json.dumps(branches(numbers[0])))
'''


def test_only_what_was_taken_is_written() -> None:
    assert written() == EXPECTED


def test_what_is_written_runs(tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    file.write_text(written())
    assert output_of(file) == "22.0\n"


def test_names_of_its_own_for_the_file() -> None:
    text = written(names={_halved: "half_of"})
    assert "def half_of(" in text
    assert "self.factor * half_of(number)" in text
