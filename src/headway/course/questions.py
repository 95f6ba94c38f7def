"""The kinds of question, one class each, and how each marks an answer.

An answer is a JSON value, so that a terminal, a page and a file of answers can all give it; which one, each class says.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from headway.course import marking

__all__ = [
    "KINDS",
    "Bug",
    "Choice",
    "Idea",
    "KnownNumber",
    "KnownText",
    "Mark",
    "Number",
    "Option",
    "Order",
    "Predict",
    "Question",
    "Rating",
    "Recall",
    "Several",
    "Trap",
    "Word",
    "shuffled",
]


Rating = Literal["again", "hard", "good"]
"""How well an answer was known, which decides when it comes back."""


@dataclass(frozen=True)
class Mark:
    """What an answer is worth.

    Attributes:
        share: From 0 to 1.
        right: Whether all of it is right.
        because: What there is to say about this answer, a sentence or two each.
        self_marked: Whether the learner decided it.
    """

    share: float
    right: bool
    because: tuple[str, ...] = ()
    self_marked: bool = False


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question, whatever its kind.

    Attributes:
        id: Lesson and number, such as "1.09"; never used again for another question.
        section: The anchor of the section that answers it.
        prompt: What is asked.
        why: The point of it, shown after every answer.
        verify: Code that proves the key. For most kinds an expression that equals the right answer.
        hint: A nudge, shown on request.
        key: Whether it is one of the few that a learner in a hurry answers.
    """

    kind: ClassVar[str]
    partly: ClassVar[str] = ""
    """What a part of the whole mark counts."""

    id: str
    section: str
    prompt: str
    why: str
    verify: str = ""
    hint: str = ""
    key: bool = False

    def mark(self, answer: Any) -> Mark:
        """The mark of an answer."""
        raise NotImplementedError

    def right_answer(self) -> Any:
        """An answer that gets the whole mark."""
        raise NotImplementedError

    def shown_answer(self) -> str:
        """The right answer as a reader sees it."""
        return str(self.right_answer())

    def to_json(self) -> dict[str, Any]:
        """The question with its kind, as a page needs it."""
        return {"kind": self.kind, "partly": self.partly} | asdict(self)


@dataclass(frozen=True)
class Option:
    """An option to choose; `because` is shown when it was chosen, or left out although it is right."""

    text: str
    because: str
    right: bool = False


@dataclass(frozen=True)
class KnownNumber:
    """A wrong number that people come to, and how."""

    near: float
    because: str


@dataclass(frozen=True)
class KnownText:
    """A wrong word or output that people come to, and how."""

    text: str
    because: str


@dataclass(frozen=True)
class Idea:
    """An idea that a recalled answer should hold, and words that suggest that it does: one of each group."""

    text: str
    any: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Trap:
    """Words that suggest a misunderstanding, and what to say then."""

    any: tuple[str, ...]
    say: str


@dataclass(frozen=True, kw_only=True)
class Choice(Question):
    """One option of several. An answer is the option's number, from 0."""

    kind: ClassVar[str] = "choice"
    options: tuple[Option, ...]

    def mark(self, answer: Any) -> Mark:
        """The mark of an option's number."""
        chosen, right = self.options[int(answer)], self.options[self.right_answer()]
        because = (
            (chosen.because,) if chosen.right else (chosen.because, f"Right: {_sentence(right.text)} {right.because}")
        )
        return Mark(float(chosen.right), chosen.right, because)

    def right_answer(self) -> int:
        """The number of the right option."""
        return [option.right for option in self.options].index(True)

    def shown_answer(self) -> str:
        """The text of the right option."""
        return self.options[self.right_answer()].text


@dataclass(frozen=True, kw_only=True)
class Several(Question):
    """Any number of options. An answer is a list of their numbers, from 0."""

    kind: ClassVar[str] = "several"
    partly: ClassVar[str] = "a right box adds a share, a wrong one takes a share away"
    options: tuple[Option, ...]

    def mark(self, answer: Any) -> Mark:
        """The mark of a list of numbers: correct boxes less incorrect ones, as a share of all; never below 0."""
        wrong = [option for number, option in enumerate(self.options) if option.right != (number in answer)]
        # Ticking everything, or nothing, is worth 0 where half of the options are right.
        share = max(0.0, (len(self.options) - 2 * len(wrong)) / len(self.options))
        because = tuple(f"{option.text}: {'yes' if option.right else 'no'}. {option.because}" for option in wrong)
        return Mark(share, not wrong, because)

    def right_answer(self) -> list[int]:
        """The numbers of all right options."""
        return [number for number, option in enumerate(self.options) if option.right]

    def shown_answer(self) -> str:
        """The texts of all right options."""
        return "; ".join(self.options[number].text for number in self.right_answer())


@dataclass(frozen=True, kw_only=True)
class Number(Question):
    """A number. An answer is a text such as "0.5", "1/2" or "50 %".

    Attributes:
        answer: The right number.
        within: How far from it is right; by default a millionth of it.
        units: What may stand behind the number.
        wrong: Numbers that people come to, and how.
    """

    kind: ClassVar[str] = "number"
    answer: float
    within: float = 0.0
    units: tuple[str, ...] = ()
    wrong: tuple[KnownNumber, ...] = ()

    def mark(self, answer: Any) -> Mark:
        """The mark of a text that holds a number."""
        value = marking.read_number(str(answer), self.units)
        if value is None:
            return Mark(0.0, False, ("This is not a number.",))
        # The last digits of a float are nobody's answer. An answer of 0 needs a distance of its own.
        within = self.within or 1e-6 * max(1.0, abs(self.answer))
        if marking.is_close(value, self.answer, within):
            return Mark(1.0, True)
        points = marking.read_as_points(str(answer), self.units)
        if points is not None and marking.is_close(points, self.answer, within):
            return Mark(1.0, True, (f"{str(answer).strip()} is {self.shown_answer()}.",))
        values = [value] if points is None else [value, points]
        known = [
            wrong.because for wrong in self.wrong if any(marking.is_close(one, wrong.near, within) for one in values)
        ]
        return Mark(0.0, False, (*known[:1], f"The answer is {self.shown_answer()}."))

    def right_answer(self) -> str:
        """The number as text."""
        return repr(self.answer)

    def shown_answer(self) -> str:
        """The number with as many digits as its tolerance asks for, and its first unit."""
        return f"{self.answer:.6g}" + "".join(f" {unit}" for unit in self.units[:1])


@dataclass(frozen=True, kw_only=True)
class Predict(Question):
    """What a piece of code prints. An answer is a text.

    Attributes:
        code: The code. Its last expression counts as printed.
        answer: What it prints; running the code proves it.
        setup: Code that runs before it and is not shown.
        wrong: Outputs that people expect, and why they are not what comes.
    """

    kind: ClassVar[str] = "predict"
    code: str
    answer: str
    setup: str = ""
    wrong: tuple[KnownText, ...] = ()

    def mark(self, answer: Any) -> Mark:
        """The mark of a text, compared as numbers, words and signs."""
        if marking.same_output(str(answer), self.answer):
            return Mark(1.0, True)
        known = [wrong.because for wrong in self.wrong if marking.same_output(str(answer), wrong.text)]
        return Mark(0.0, False, (*known[:1], f"It prints {self.answer.strip()}"))

    def right_answer(self) -> str:
        """What the code prints."""
        return self.answer


@dataclass(frozen=True, kw_only=True)
class Order(Question):
    """Steps to put in order. An answer is the list of their numbers, from 0, first step first.

    Attributes:
        steps: The steps, written in an order that is right.
        before: Pairs of numbers, from 1, of which the first step must come before the second; by default each step
            before the next.
    """

    kind: ClassVar[str] = "order"
    partly: ClassVar[str] = "the share of neighbours in the right order"
    steps: tuple[str, ...]
    before: tuple[tuple[int, ...], ...] = ()

    def pairs(self) -> list[tuple[int, int]]:
        """The pairs that must hold, from 0."""
        pairs = [(first - 1, second - 1) for first, second in self.before]
        return pairs or [(step, step + 1) for step in range(len(self.steps) - 1)]

    def mark(self, answer: Any) -> Mark:
        """The mark of an order: the share of pairs that it has the right way round."""
        # A step left out would break no pair, and the rest would count as right.
        if sorted(answer) != list(range(len(self.steps))):
            return Mark(0.0, False, ("Each step must be in it once.",))
        pairs = self.pairs()
        broken = marking.broken_order(answer, pairs)
        because = tuple(f'"{self.steps[first]}" comes before "{self.steps[second]}".' for first, second in broken)
        return Mark(1 - len(broken) / len(pairs), not broken, because)

    def right_answer(self) -> list[int]:
        """The order in which the steps are written."""
        return list(range(len(self.steps)))

    def shown_answer(self) -> str:
        """The steps in order."""
        return " → ".join(self.steps)


@dataclass(frozen=True, kw_only=True)
class Bug(Question):
    """A line that is wrong, and what then happens. An answer is `{"line": 3, "symptom": 0}`.

    Attributes:
        code: The faulty code.
        line: The faulty line's number, from 1.
        symptom: What may happen, to choose from.
        fixed: The code without the fault.
        verify: An expression that is true after the faulty code and false after the fixed one; `error` is what the
            code raised, or None.
    """

    kind: ClassVar[str] = "bug"
    partly: ClassVar[str] = "the line counts one half, what happens the other"
    code: str
    line: int
    symptom: tuple[Option, ...]
    fixed: str
    setup: str = ""

    def mark(self, answer: Any) -> Mark:
        """The mark of line and symptom, half each."""
        line, chosen = int(answer["line"]) == self.line, self.symptom[int(answer["symptom"])]
        faulty = self.code.splitlines()[self.line - 1].strip()
        because = () if line else (f"The fault is in line {self.line}: {faulty}",)
        right = next(option for option in self.symptom if option.right)
        because += (
            (chosen.because,) if chosen.right else (chosen.because, f"Right: {_sentence(right.text)} {right.because}")
        )
        return Mark((line + chosen.right) / 2, line and chosen.right, because)

    def right_answer(self) -> dict[str, int]:
        """The line and the number of the symptom."""
        return {"line": self.line, "symptom": [option.right for option in self.symptom].index(True)}

    def shown_answer(self) -> str:
        """The line and the symptom."""
        return f"Line {self.line}. {self.symptom[self.right_answer()['symptom']].text}"


@dataclass(frozen=True, kw_only=True)
class Word(Question):
    """A word or term. An answer is a text; case, signs, article, plural and a slip in a long word do not count.

    Attributes:
        accept: What is right, the best one first.
        wrong: What people say instead, and why it is not right.
    """

    kind: ClassVar[str] = "word"
    accept: tuple[str, ...]
    wrong: tuple[KnownText, ...] = ()

    def mark(self, answer: Any) -> Mark:
        """The mark of a word."""
        word = marking.fold_word(str(answer))
        known = [wrong.because for wrong in self.wrong if marking.fold_word(wrong.text) == word]
        if not known and any(marking.is_nearly(word, marking.fold_word(form)) for form in self.accept):
            return Mark(1.0, True)
        return Mark(0.0, False, (*known[:1], f"The word is {self.accept[0]}."))

    def right_answer(self) -> str:
        """The best word."""
        return self.accept[0]


@dataclass(frozen=True, kw_only=True)
class Recall(Question):
    """An answer in own words, which the learner marks idea by idea: no keyword can see a "not".

    An answer is `{"text": "...", "ideas": [true, false]}`, the ideas as the learner ticked them.

    Attributes:
        answer: A model answer.
        ideas: What a good answer holds.
        traps: Words that suggest a misunderstanding.
    """

    kind: ClassVar[str] = "recall"
    partly: ClassVar[str] = "the share of ideas that you ticked"
    answer: str
    ideas: tuple[Idea, ...]
    traps: tuple[Trap, ...] = ()

    MIN_CHARACTERS: ClassVar[int] = 15

    def suggested(self, text: str) -> list[bool]:
        """The ideas that seem to be in a text: a first guess, for the learner to correct."""
        return [
            all(any(marking.has_keyword(text, word) for word in group) for group in idea.any) for idea in self.ideas
        ]

    def warnings(self, text: str) -> tuple[str, ...]:
        """What to say about the traps that a text seems to be in."""
        return tuple(trap.say for trap in self.traps if any(marking.has_keyword(text, word) for word in trap.any))

    def mark(self, answer: Any) -> Mark:
        """The mark that the learner's ticks add up to."""
        ticks = [bool(tick) for tick in answer["ideas"]]
        # An answer that comes as JSON may have ticked fewer or more than there are.
        share = sum(ticks) / len(self.ideas) if len(ticks) == len(self.ideas) else 0.0
        return Mark(share, share == 1, self.warnings(str(answer["text"])), self_marked=True)

    def right_answer(self) -> dict[str, Any]:
        """The model answer with every idea ticked."""
        return {"text": self.answer, "ideas": [True] * len(self.ideas)}

    def shown_answer(self) -> str:
        """The model answer."""
        return self.answer


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


KINDS: dict[str, type[Question]] = {
    kind.kind: kind for kind in (Choice, Several, Number, Predict, Order, Bug, Word, Recall)
}


def shuffled(count: int, *, learner: str, id: str, attempt: int) -> list[int]:
    """An order of options, the same whenever the same learner sees the question for the same time.

    Example:
        >>> sorted(shuffled(4, learner="ada", id="1.09", attempt=1))
        [0, 1, 2, 3]
    """

    def key(number: int) -> bytes:
        return hashlib.blake2b(f"{learner}/{id}/{attempt}/{number}".encode(), digest_size=8).digest()

    # By a hash and not by a generator, whose numbers another version of Python or NumPy may change.
    return sorted(range(count), key=key)
