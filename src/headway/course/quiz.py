"""Questions asked in a terminal, or through JSON lines: answers are marked, explained and written to the log."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from headway.course.lesson import lesson_files, read
from headway.course.questions import (
    Bug,
    Choice,
    Mark,
    Number,
    Option,
    Order,
    Predict,
    Question,
    Rating,
    Recall,
    Several,
    shuffled,
)
from headway.course.state import Event, Log
from headway.course.terminal import Terminal
from headway.errors import ConfigError

__all__ = ["ask", "ask_as_json", "key_questions", "record", "remaining", "start_again"]


def key_questions(questions: Sequence[Question]) -> list[Question]:
    """The few questions of a lesson that a learner in a hurry answers: those marked as key, else one a section."""
    marked = [question for question in questions if question.key]
    # Reversed, so that the first question of a section is the one that stays.
    first = {question.section: question for question in reversed(questions)}
    return marked or [question for question in questions if question in first.values()]


def remaining(questions: Sequence[Question], events: Iterable[Event]) -> list[Question]:
    """The questions that were not answered since the lesson's quiz was last started again."""
    answered: set[str] = set()
    lessons = {question.id.partition(".")[0] for question in questions}
    for event in events:
        if event.kind == "quiz" and event.id.partition(".")[0] in lessons:
            answered.clear()
        elif event.kind in ("question", "recall"):
            answered.add(event.id)
    return [question for question in questions if question.id not in answered]


def start_again(lesson: int, log: Log) -> None:
    """Lets all questions of a lesson be asked again; what was answered stays in the log."""
    log.append(Event(kind="quiz", id=f"{lesson}.quiz", outcome="started"))


def record(
    question: Question,
    answer: Any,
    mark: Mark,
    *,
    log: Log,
    hinted: bool = False,
    source: str = "quiz",
    time: datetime | None = None,
) -> Rating:
    """Writes an answer with its mark to the log; how well it was known comes back."""
    rating: Rating = "good" if mark.right and not hinted else "again"
    # An answer with help, or with half of its ideas, comes back sooner than a good one and later than a wrong one.
    if (mark.right and hinted) or (mark.self_marked and 0 < mark.share < 1):
        rating = "hard"
    outcome = "right" if mark.right else "partly" if mark.share > 0 else "wrong"
    details = {"share": round(mark.share, 4), "answer": answer, "hinted": hinted, "rating": rating, "source": source}
    moment = {} if time is None else {"time": time.isoformat(timespec="milliseconds")}
    kind = "recall" if mark.self_marked else "question"
    log.append(Event(kind=kind, id=question.id, outcome=outcome, answer=details, **moment))
    return rating


def ask(
    question: Question, terminal: Terminal, *, log: Log, title: str, learner: str, attempt: int, source: str = "quiz"
) -> Mark:
    """Asks a question, shows its mark and the reasons, and writes it to the log.

    Args:
        question: The question.
        terminal: Where it is asked.
        log: The learner's log.
        title: A line above it, such as "Question 7 of 22".
        learner: Whose order of options it is.
        attempt: How many times the question was answered before, plus 1.
        source: What asks: "quiz", "review" or "lesson".

    Raises:
        EndOfAnswersError: If the learner wants to stop; nothing is written then.
    """
    terminal.line(title, "bold")
    terminal.line()
    terminal.text(question.prompt)
    conversation = _Conversation(question, terminal, learner=learner, attempt=attempt)
    answer = _ASK[question.kind](question, conversation)
    mark = question.mark(answer)
    record(question, answer, mark, log=log, hinted=conversation.hinted, source=source)
    terminal.line()
    _show_mark(question, mark, terminal)
    # Within the lesson, the text to read again stands above the question.
    if not mark.right and source != "lesson" and (section := _section_title(question)):
        terminal.line(f"To read again: {section}")
    return mark


class _Conversation:
    """Asks until what is typed can be an answer; "h" shows the hint, where there is one."""

    def __init__(self, question: Question, terminal: Terminal, *, learner: str, attempt: int) -> None:
        self.question = question
        self.terminal = terminal
        self.learner = learner
        self.attempt = attempt
        self.hinted = False

    def ask(self, prompt: str, read: Callable[[str], Any], objection: str = "") -> Any:
        self.terminal.line()
        help = " (h for a hint, q to stop)" if self.question.hint and not self.hinted else " (q to stop)"
        while True:
            text = self.terminal.ask(f"{prompt}{help}:")
            # Where there is no hint, "h" may be an answer.
            if self.question.hint and text.lower() == "h":
                self.hinted = True
                self.terminal.text(f"Hint: {self.question.hint}")
                continue
            answer = read(text) if text else None
            if answer is not None:
                return answer
            self.terminal.line(objection if text else "Type an answer.")

    def shuffle(self, count: int) -> list[int]:
        return shuffled(count, learner=self.learner, id=self.question.id, attempt=self.attempt)

    def recall_first(self) -> None:
        """Options appear only after the learner has an answer: to recognise it is easier, and teaches less."""
        self.terminal.line()
        self.terminal.pause("Answer in your head, then see the options")


def _numbers(text: str, count: int) -> list[int] | None:
    """Numbers from 1 as typed, with or without commas, counted from 0; None if one of them is no option."""
    pieces = text.replace(",", " ").split()
    valid = all(piece.isascii() and piece.isdecimal() and 1 <= int(piece) <= count for piece in pieces)
    return [int(piece) - 1 for piece in pieces] if valid and pieces else None


def _one(text: str, count: int) -> int | None:
    numbers = _numbers(text, count)
    return numbers[0] if numbers and len(numbers) == 1 else None


def _choose(options: Sequence[Option], talk: _Conversation, order: list[int], prompt: str) -> int:
    talk.terminal.line()
    talk.terminal.choices([options[number].text for number in order])
    objection = f"Type one number, from 1 to {len(order)}."
    return order[talk.ask(f"{prompt}, 1 to {len(order)}", lambda text: _one(text, len(order)), objection)]


def _ask_choice(question: Choice, talk: _Conversation) -> int:
    talk.recall_first()
    order = talk.shuffle(len(question.options))
    return _choose(question.options, talk, order, "Your answer")


def _ask_several(question: Several, talk: _Conversation) -> list[int]:
    talk.recall_first()
    order = talk.shuffle(len(question.options))
    talk.terminal.line()
    talk.terminal.choices([question.options[number].text for number in order])

    def chosen(text: str) -> list[int] | None:
        # An empty line is a slip of the Enter key; none of them is an answer of its own.
        return [] if text == "0" else _numbers(text, len(order))

    objection = f"Type numbers from 1 to {len(order)} with a space between, such as 1 3, or 0 for none."
    numbers = talk.ask("All that are right, such as 1 3; 0 for none", chosen, objection)
    return sorted({order[number] for number in numbers})


def _ask_number(question: Number, talk: _Conversation) -> str:
    unit = f" ({question.units[0]})" if question.units else ""

    def number(text: str) -> str | None:
        return text if question.mark(text).because[:1] != _NO_NUMBER else None

    return talk.ask(f"A number{unit}", number, "Type a number, such as 0.5, 1/2 or 50 %.")


_NO_NUMBER = ("This is not a number.",)


def _ask_predict(question: Predict, talk: _Conversation) -> str:
    talk.terminal.line()
    talk.terminal.code(question.code)
    return talk.ask("It prints", str)


def _ask_order(question: Order, talk: _Conversation) -> list[int]:
    order = talk.shuffle(len(question.steps))
    talk.terminal.line()
    talk.terminal.choices([question.steps[number] for number in order])

    def whole(text: str) -> list[int] | None:
        # "213" is as clear as "2 1 3" while there are fewer than ten steps.
        numbers = _numbers(" ".join(text) if text.isdecimal() else text, len(order))
        return numbers if numbers and sorted(numbers) == list(range(len(order))) else None

    objection = f"Type the numbers 1 to {len(order)} in your order, each once, with a space between."
    numbers = talk.ask("The order, such as 2 1 3, each number once", whole, objection)
    return [order[number] for number in numbers]


def _ask_bug(question: Bug, talk: _Conversation) -> dict[str, int]:
    talk.terminal.line()
    talk.terminal.code(question.code, numbered=True)
    count = len(question.code.splitlines())
    objection = f"Type the number of one line, from 1 to {count}."
    line = talk.ask("The number of the faulty line", lambda text: _one(text, count), objection) + 1
    order = talk.shuffle(len(question.symptom))
    return {"line": line, "symptom": _choose(question.symptom, talk, order, "What happens then")}


def _ask_word(question: Question, talk: _Conversation) -> str:
    return talk.ask("Your word", str)


def _ask_recall(question: Recall, talk: _Conversation) -> dict[str, Any]:
    talk.terminal.line()
    talk.terminal.line(f"In your own words, at least {question.MIN_CHARACTERS} characters; you will mark it yourself.")
    objection = f"Write at least {question.MIN_CHARACTERS} characters."
    text = talk.ask("Your answer", lambda text: text if len(text) >= question.MIN_CHARACTERS else None, objection)
    talk.terminal.line()
    talk.terminal.text(f"A good answer: {question.answer}")
    ticks = []
    for idea, suggested in zip(question.ideas, question.suggested(text), strict=True):
        talk.terminal.line()
        talk.terminal.text(f"Does yours say: {idea.text}?")
        prompt, typed = "y or n, Enter for y:" if suggested else "y or n, Enter for n:", "?"
        while typed not in ("", "y", "yes", "n", "no"):
            typed = talk.terminal.ask(prompt).lower()
        ticks.append(typed.startswith("y") if typed else suggested)
    return {"text": text, "ideas": ticks}


_ASK: dict[str, Callable[[Any, _Conversation], Any]] = {
    "choice": _ask_choice,
    "several": _ask_several,
    "number": _ask_number,
    "predict": _ask_predict,
    "order": _ask_order,
    "bug": _ask_bug,
    "word": _ask_word,
    "recall": _ask_recall,
}


def _show_mark(question: Question, mark: Mark, terminal: Terminal) -> None:
    if mark.right:
        terminal.line("Right.", "bold green")
    elif mark.share > 0:
        terminal.line(f"Partly right: {mark.share:.2f} of 1 ({question.partly}).", "bold yellow")
    else:
        # Not red: most first answers are wrong, and that is what they are for.
        terminal.line("Not right.", "bold yellow")
    for because in mark.because:
        terminal.text(because)
    if mark.because:
        terminal.line()
    terminal.text(question.why)
    if others := _others(question, mark):
        terminal.line()
        terminal.line("The other options:", "dim")
        for text in others:
            terminal.text(f"- {text}")


def _others(question: Question, mark: Mark) -> list[str]:
    """The options of which the mark says nothing, each with why it is right or not."""
    options = question.symptom if isinstance(question, Bug) else getattr(question, "options", ())
    said = " ".join(mark.because)
    return [f"{option.text}: {option.because}" for option in options if option.because not in said]


def _section_title(question: Question) -> str:
    number = int(question.id.partition(".")[0])
    if number not in lesson_files():
        return ""
    return next((one.title for one in read(number).sections if one.anchor == question.section), "")


def ask_as_json(questions: Sequence[Question], *, log: Log, source: str = "quiz") -> list[Mark]:
    """Asks through JSON lines: a question goes out, a line with its answer comes in, its mark goes out.

    The answers are what each class of `questions` takes; the input's end stops.

    Raises:
        ConfigError: If a line holds no such answer; what was answered before it is in the log.
    """
    marks = []
    for number, question in enumerate(questions, start=1):
        _write({"number": number, "of": len(questions), "question": question.to_json()})
        # One line at a time: a program may decide on its answer once it has read the question.
        line = sys.stdin.readline()
        if not line.strip():
            break
        try:
            answer = json.loads(line)
            mark = question.mark(answer)
        except (ValueError, TypeError, KeyError, IndexError):
            fix = f"Write it as one JSON value, such as {json.dumps(question.right_answer())}"
            raise ConfigError("The answer cannot be read.", given=f"{question.id}: {line.strip()}", fix=fix) from None
        rating = record(question, answer, mark, log=log, source=source)
        shown = {"share": mark.share, "right": mark.right, "self_marked": mark.self_marked, "rating": rating}
        _write({"id": question.id, **shown, "because": [*mark.because, question.why]})
        marks.append(mark)
    return marks


def _write(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()
