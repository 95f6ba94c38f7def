"""An explanation as text for a terminal: 80 columns, readable without colour and by a screen reader."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from headway.why.failure import Failure, Variable
from headway.why.match import Explanation

__all__ = ["MORE", "show", "show_run"]

WIDTH = 80
BOLD, DIM, GREEN, END = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[0m"
QUESTION = "None of these? `headway why --question` writes a question that you can post."
# What says more and comes with the library, by the folder of the code that raised an error on purpose.
MORE = {
    "audit": "headway audit --help",
    "bundle": "help(hw.load), in Python",
    "bytes": "help(hw.Bytes), in Python",
    "clean": "headway clean --help",
    "course": "headway course --help",
    "data": "help(hw.from_csv), in Python",
    "datasets": "headway datasets --help",
    "headway": "help(hw.Learner), in Python",
    "image": "help(hw.Image), in Python",
    "judge": "help(hw.Report), in Python",
    "lab": "headway lab --help",
    "past": "help(hw.Future), in Python",
    "ratings": "help(hw.Ratings), in Python",
    "series": "help(hw.Series), in Python",
    "serve": "headway serve --help",
    "sound": "help(hw.Sound), in Python",
    "table": "help(hw.Table), in Python",
    "targets": "help(hw.Category), in Python",
    "text": "help(hw.Text), in Python",
}


def show(failure: Failure, explanations: Sequence[Explanation], *, colour: bool = False) -> str:
    """The failure and its explanations.

    Example:
        >>> print(show(Failure("ValueError", "odd"), []))
        ValueError: odd
        <BLANKLINE>
        Nothing in the catalogue is like this.
        `headway why --question` writes a question that you can post.
    """
    parts = [_head(failure, colour=colour)]
    if failure.has_changed:
        parts.append("You have changed this code since then. Run it again to see whether that helped.")
    if failure.what:
        parts.append(_of_ours(failure))
    shown = [one for one in explanations if one.exact]
    near = [one for one in explanations if not one.exact]
    for number, explanation in enumerate(shown):
        parts.append(_explanation(explanation, colour=colour, full=number == 0))
    if near:
        parts.append("No entry fits exactly. These are the nearest in words:")
        parts += [_explanation(one, colour=colour, full=False) for one in near]
    if failure.type and (variables := _variables(failure)):
        parts.append(_section("Variables on that line", variables, colour=colour))
    parts.append(_end(failure, explanations))
    return "\n\n".join(parts)


def show_run(run: Path, explanations: Sequence[Explanation], *, colour: bool = False) -> str:
    """What the report of a run found wrong."""
    if not explanations:
        return f"The report of {run} names no problem."
    return "\n\n".join(_explanation(one, colour=colour, full=True) for one in explanations)


def _head(failure: Failure, *, colour: bool) -> str:
    if not failure.type:
        return f"{Path(failure.file).name or 'The script'} ended without an error."
    first = failure.message.splitlines()[0] if failure.message else ""
    lines = _wrapped(f"{failure.type}: {failure.what or first}" if first else failure.type).splitlines()
    lines = [_in(BOLD, line, colour) for line in lines]
    frame = failure.own_frame
    if frame is not None:
        file = Path(frame.file).name
        lines.append(f"{file}, line {frame.line}" + (f", in {frame.function}" if frame.function[0] != "<" else ""))
        lines += [f"    {frame.code}"] if frame.code else []
    return "\n".join(lines)


def _of_ours(failure: Failure) -> str:
    lines = [f"Given: {failure.given}", _hanging(f"Fix:   {failure.fix}")] if failure.fix else []
    # The folder of the code that raised it knows its subject.
    parts = Path(failure.frames[-1].file).parts if failure.frames else ()
    more = next((MORE[part] for part in reversed(parts) if part in MORE), MORE["headway"])
    return "\n".join([*lines, f"More:  {more}"])


def _explanation(explanation: Explanation, *, colour: bool, full: bool) -> str:
    entry = explanation.entry
    between = "  " if len(f"{entry.title}  [{entry.id}]") <= WIDTH else "\n"
    title = _in(BOLD, entry.title, colour) + between + _in(DIM, f"[{entry.id}]", colour)
    lines = [title, _wrapped(explanation.says)]
    if full and explanation.because:
        lines.append("")
        lines += _reasons(explanation)
    fixes = explanation.fix.strip().splitlines()
    lines += ["", _in(GREEN, "Fix:", colour), *(line if line.startswith("    ") else _indented(line) for line in fixes)]
    if full and entry.look:
        lines += ["", "Look:", *(f"    {line}" for line in entry.look)]
    if full and entry.lesson:
        lines += ["", f"Lesson: {entry.lesson}"]
    return "\n".join(lines)


def _reasons(explanation: Explanation) -> list[str]:
    reasons = explanation.because
    # What was seen is the cause; the fix belongs to the first.
    if len(reasons) == 1 or reasons[0].seen:
        return [_wrapped(f"Why: {reasons[0].sentence}")]
    return ["Why, the likeliest first:", *(_item(number, reason.sentence) for number, reason in enumerate(reasons, 1))]


def _item(number: int, sentence: str) -> str:
    return textwrap.fill(
        f"  {number}. {sentence}", WIDTH, subsequent_indent="     ", break_on_hyphens=False, break_long_words=False
    )


def _variables(failure: Failure) -> list[str]:
    """What was seen of the variables on the line that failed, tensors first."""
    used = [one for one in failure.used.values() if _says_something(one)]
    if any(one.name.startswith("self.") for one in used):
        # Its layers say more than the object that holds them.
        used = [one for one in used if one.name != "self"]
    # No name stands on the line, so all variables are shown: shapes are likelier to matter than the rest.
    if len(used) == len(failure.variables) and len(used) > 8:
        used = [one for one in used if one.shape is not None]
    width = max((len(one.name) for one in used), default=0)
    return [f"{one.name:<{width}}  {one}"[: WIDTH - 4] for one in used[:8]]


def _says_something(variable: Variable) -> bool:
    return bool(variable.facts) and "callable" not in variable.facts and "file" not in variable.facts


def _section(title: str, lines: Sequence[str], *, colour: bool) -> str:
    return "\n".join([f"{title}:", *(f"    {_in(DIM, line, colour)}" for line in lines)])


def _end(failure: Failure, explanations: Sequence[Explanation]) -> str:
    if explanations:
        return QUESTION
    if not failure.type:
        return "Its variables show no problem of the catalogue."
    if failure.what:
        return f"The message is all that Headway knows of it.\n{QUESTION.removeprefix('None of these? ')}"
    return f"Nothing in the catalogue is like this.\n{QUESTION.removeprefix('None of these? ')}"


def _indented(line: str) -> str:
    return textwrap.indent(_wrapped(line, WIDTH - 4), "    ")


def _hanging(text: str) -> str:
    """Further lines begin where the words after "Fix:" do."""
    first, *more = text.splitlines()
    wrapped = textwrap.fill(first, WIDTH, subsequent_indent=7 * " ", break_on_hyphens=False, break_long_words=False)
    return "\n".join([wrapped, *more])


def _wrapped(text: str, width: int = WIDTH) -> str:
    return textwrap.fill(text, width, break_on_hyphens=False, break_long_words=False)


def _in(code: str, text: str, colour: bool) -> str:
    return f"{code}{text}{END}" if colour else text
