"""Numbers that a lesson claims: measured where the lesson runs, and never typed into its text.

A cell claims a number, `claim("model", accuracy, near=0.93, within=0.04)`. The text quotes it, `{model:.0%}`, and shows
what was measured when the course was made (`measured/01.toml`). In a learner's run the claim says whether
theirs is as expected.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, SupportsFloat

from headway.course.lesson import Lesson
from headway.errors import ConfigError, DataError, did_you_mean

__all__ = [
    "Claim",
    "claim",
    "claimed",
    "compare",
    "fill",
    "read_measured",
    "reset",
    "typed_numbers",
    "unknown_claims",
    "write_measured",
]

FOLDER = Path(__file__).parent / "measured"


class _Estimate(Protocol):
    """A value with its interval, as a report has it."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


@dataclass(frozen=True)
class Claim:
    """A number that a lesson claims.

    Attributes:
        name: What the text quotes it by.
        value: What came out here.
        low: The lower end of its interval; None without one.
        high: The upper end.
        near: What the lesson's authors measured; None for a number that only has to be quoted.
        within: How far from it is fine.
        above: What it must exceed: another claim's name, or a number; "" for nothing.
        floor: That claim's value, or the number.
        by: By how much it must exceed it.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    near: float | None = None
    within: float | None = None
    above: str = ""
    floor: float | None = None
    by: float = 0.0

    @property
    def fine(self) -> bool:
        """Whether the number is what the lesson says."""
        return not self.problem()

    def problem(self, *, slack: float = 1.0) -> str:
        """Why it is not fine; "" if it is. With a slack of 2, it may be twice as far away, and half as far above."""
        problems = []
        # Written with `not`, so that NaN is never fine. The factor is for the last bit of 0.70 - 0.64 against 0.06.
        if (
            self.near is not None
            and self.within is not None
            and not abs(self.value - self.near) <= slack * self.within * (1 + 1e-9)
        ):
            problems.append(f"Expected: {self._range()}. Run the lesson again from its first cell.")
        if self.floor is not None and not self.value - self.floor >= self.by / slack:
            problems.append(f"It should be above {self.above} ({self.floor:.4g}) by {self.by / slack:g} or more.")
        return " ".join(problems)

    def __str__(self) -> str:
        shown = self._digits(self.value)
        if self.low is not None and self.high is not None:
            shown += f" [{self._digits(self.low)}, {self._digits(self.high)}]"
        if problem := self.problem():
            return f"{self.name}: {shown}. {problem}"
        if self.within is not None:
            return f"{self.name}: {shown}, as expected ({self._range()})"
        return f"{self.name}: {shown}" + (f", as expected (above {self.above})" if self.above else "")

    def _range(self) -> str:
        assert self.near is not None
        assert self.within is not None
        ends = [self._digits(self.near + sign * self.within) for sign in (-1, 1)]
        # Counts may have no tolerance.
        return " to ".join(ends if self.within else ends[:1])

    def _digits(self, number: float) -> str:
        """A number with as many digits as the claim has: 0.9312 ± 0.05 would promise what another run does not keep."""
        if self.near is None or self.within is None:
            return f"{number:.4g}"
        decimals = max(_decimals(self.near), _decimals(self.within))
        # A share has two at least, even where 0.1 from it is fine: the text quotes per cents.
        return f"{number:.{max(decimals, 2) if decimals and abs(self.near) <= 1 else decimals}f}"


def _decimals(number: float) -> int:
    # As a decimal, as `1e-05` shows none of its five.
    return len(f"{Decimal(str(number)).normalize():f}".partition(".")[2])


@dataclass
class _Lesson:
    """The claims of this process, by name: a lesson's cells run in one."""

    claims: dict[str, Claim] = field(default_factory=dict)
    compares: bool = True


_lesson = _Lesson()


def compare(*, with_authors: bool) -> None:
    """Whether the claims that follow are compared; on pictures of the learner's own they are only shown."""
    _lesson.compares = with_authors


def claim(
    name: str,
    value: SupportsFloat | _Estimate,
    *,
    near: float | None = None,
    within: float | None = None,
    above: str | float | None = None,
    by: float = 0.0,
) -> None:
    """Says whether a number is as the lesson's authors expect, and keeps it for the text to quote.

    Without `near` and `above` it is only shown; and all claims are where the pictures are not the authors' (`compare`).
    It never stops a run: a number that is not fine is shown with what to do. `headway course dev check` fails then.

    Args:
        name: What the text quotes it by.
        value: What came out here, or an estimate with its interval.
        near: What the authors measured.
        within: How far from it is fine.
        above: Another claim's name, or a number, that this one must exceed.
        by: By how much.

    Raises:
        ConfigError: If `near` comes without `within` or the other way round, or `above` names no earlier claim.

    Example:
        >>> from headway.course.claims import claim, reset
        >>> reset()  # as each lesson begins
        >>> claim("pixels", 0.70, near=0.70, within=0.06)
        pixels: 0.70, as expected (0.64 to 0.76)
        >>> claim("model", 0.91, near=0.93, within=0.04, above="pixels", by=0.10)
        model: 0.91, as expected (0.89 to 0.97)
    """
    if (near is None) != (within is None):
        given = f"near={near}, within={within}"
        raise ConfigError("A claim needs both `near` and `within`, or neither.", given=given, fix="Pass the other one.")
    known = _lesson.claims
    if isinstance(above, str) and above not in known:
        hint = did_you_mean(above, known) if known else "No claim comes before this one."
        raise ConfigError("`above` must name an earlier claim.", given=f'above="{above}"', fix=hint)
    number = float(value if isinstance(value, SupportsFloat) else value.value)
    # Of few items there is no interval, which an estimate says by NaN.
    ends = getattr(value, "low", None), getattr(value, "high", None)
    low, high = (None if end is None or math.isnan(end) else end for end in ends)
    if _lesson.compares:
        floor = known[above].value if isinstance(above, str) else above
        shown = "" if above is None else str(above)
        known[name] = Claim(name, number, low, high, near, within, shown, floor, by)
    else:
        known[name] = Claim(name, number, low, high)
    # On the standard output: it is a result of the cell, as its other lines are.
    print(known[name])


def claimed() -> tuple[Claim, ...]:
    """The claims that this process has made so far, in order."""
    return tuple(_lesson.claims.values())


def reset() -> None:
    """Forgets all claims, before a lesson runs."""
    _lesson.claims.clear()
    compare(with_authors=True)


def read_measured(lesson: int, *, folder: Path = FOLDER) -> dict[str, dict[str, float]]:
    """What was measured of a lesson when the course was made: for each claim its value, and the ends of its interval.

    Raises:
        DataError: If the file cannot be read.
    """
    file = folder / f"{lesson:02}.toml"
    try:
        return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{file.name}: not TOML.", given=error, fix="Write it anew: make course.") from None


def write_measured(lesson: int, claims: tuple[Claim, ...], *, folder: Path = FOLDER) -> Path:
    """Writes what was measured, for the text to quote."""
    lines = ["# Written by `make course`, never by hand.\n"]
    for one in claims:
        lines.append(f"\n[{one.name}]\n")
        # Six digits: more would change with every processor, and make a difference in the file of each run.
        numbers: dict[str, Any] = {"value": one.value, "low": one.low, "high": one.high}
        lines += [f"{key} = {float(f'{number:.6g}')!r}\n" for key, number in numbers.items() if number is not None]
    folder.mkdir(exist_ok=True)
    file = folder / f"{lesson:02}.toml"
    file.write_text("".join(lines), encoding="utf-8")
    return file


# Braces in code are dicts and f-strings, never quotes of a claim.
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)
_QUOTE = re.compile(r"\{(?P<name>[a-z_][a-z0-9_]*)(?:\.(?P<end>low|high))?(?::(?P<format>[^{}\n]*))?\}")


def fill(text: str, measured: Mapping[str, Mapping[str, float]]) -> str:
    """A text with its quoted claims as numbers; what was not measured yet, and code, stay as they are.

    Example:
        >>> from headway.course.claims import fill
        >>> fill("{model:.0%} right ({model.low:.0%} or more), `{x}`", {"model": {"value": 0.93, "low": 0.88}})
        '93% right (88% or more), `{x}`'
    """

    def quoted(match: re.Match[str]) -> str:
        number = measured.get(match["name"], {}).get(match["end"] or "value")
        return match[0] if number is None else format(number, match["format"] or ".4g")

    return _outside_of_code(text, lambda prose: _QUOTE.sub(quoted, prose))


def _outside_of_code(text: str, change: Any) -> str:
    pieces, end = [], 0
    for code in _CODE.finditer(text):
        pieces += [change(text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*pieces, change(text[end:])])


def unknown_claims(lesson: Lesson) -> list[str]:
    """Quotes in a lesson's text that none of its cells claims, with their lines."""
    problems = []
    for number, cell in enumerate(lesson.cells):
        if not cell.is_code:
            prose = _CODE.sub("", lesson.shown_text(number))
            names = [quote["name"] for quote in _QUOTE.finditer(prose) if quote["name"] not in lesson.claims]
            problems += [f"{lesson.name}, cell at line {cell.line}: no cell claims {name}" for name in names]
    return problems


_FACT = re.compile(r"⟨fact: [^⟨⟩]+⟩")
_TYPED = re.compile(
    r"(?<![\w.])(?:\d+(?:,\d{3})*\.\d+\b(?!\.\d)|\d+(?:\.\d+)?\s?(?:%|percent\b|per cent\b)"
    r"|\d+(?:\.\d+)?[\s-]?(?:ms|s|sec|seconds?|min|minutes?|h|hours?)\b)"
)


def typed_numbers(lesson: Lesson) -> list[str]:
    """Decimals, percentages and times in a lesson's text that come from nowhere, with the lines of their cells.

    A number is fine as a claim, between backticks, or in a sentence that ends with `⟨fact: source⟩`.
    """
    problems = []
    for number, cell in enumerate(lesson.cells):
        text = "" if cell.is_code else lesson.shown_text(number)
        prose = re.sub(
            r"\(https?://[^)]*\)|https?://\S+|⟨(?:ask|guess) [^⟨⟩]*⟩", "", _QUOTE.sub("", _CODE.sub("", text))
        )
        for match in _TYPED.finditer(_without_facts(prose)):
            problems.append(f"{lesson.name}, cell at line {cell.line}: {match[0]} is no claim and no fact")
    return problems


def _without_facts(text: str) -> str:
    """A text without the sentences whose source is said."""
    while fact := _FACT.search(text):
        before = text[: fact.start()].rstrip()
        # A sentence begins behind a full stop, a paragraph's end or a table's column.
        start = max((end.end() for end in re.finditer(r"[.!?:]\s|\n\s*\n|\|", before)), default=0)
        text = text[:start] + text[fact.end() :]
    return text
