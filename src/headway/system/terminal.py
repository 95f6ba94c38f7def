"""What Headway writes to a terminal: one way out, in which text of others cannot steer the terminal.

Labels, file names, columns, a run's name and a bundle's card are data from anywhere. A control character in them could
clear the screen, set the window's title, or forge a line of output; a bidirectional override shows a name backwards.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence

__all__ = ["echo", "echo_table", "show_cursor", "text_width", "visible"]

# Control characters of both sets, separators of lines, marks and overrides of writing direction, halves of characters.
_STEERING = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_OF_TEXT, _OF_A_LINE = re.compile(f"[{_STEERING}]"), re.compile(rf"[\t\n{_STEERING}]")


def visible(text: object, *, lines: bool = False) -> str:
    r"""Text in which each character that steers a terminal stands as its number, as in JSON.

    Args:
        text: Anything that has a text.
        lines: Whether it may have line breaks and tabs of its own.

    Example:
        >>> visible("dog\x1b[2J")
        'dog\\u001b[2J'
    """
    return (_OF_TEXT if lines else _OF_A_LINE).sub(lambda match: f"\\u{ord(match[0]):04x}", str(text))


def echo(text: object = "", *, err: bool = False, lines: bool = False, end: str = "\n") -> None:
    """Writes a line of text to the standard output, or error, at once.

    Args:
        text: A line, in which line breaks are made visible too.
        err: Whether it goes to the standard error.
        lines: Whether it is several lines, put together by Headway.
        end: What ends it; nothing for a text that goes on.
    """
    shown = visible(text, lines=lines)
    if lines and not err and sys.stdout.isatty():
        shown = _wrapped(shown, text_width())
    # Flushed, so that lines and errors stand in their order where both go to one file.
    print(shown, file=sys.stderr if err else sys.stdout, end=end, flush=True)


def text_width() -> int:
    """How many columns text may take: as many as the terminal has; at most 100, as where it goes to a file."""
    return min(shutil.get_terminal_size().columns, 100) if sys.stdout.isatty() else 100


def _wrapped(text: str, width: int) -> str:
    """The text with its long lines broken between words, what goes on moved in; a path is never broken."""
    lines = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip(" "))] + "  "
        options = {"subsequent_indent": indent, "break_long_words": False, "break_on_hyphens": False}
        lines += textwrap.wrap(line, width, replace_whitespace=False, **options) if len(line) > width else [line]
    return "\n".join(lines)


def show_cursor() -> None:
    """Shows a terminal's cursor again, where a bar that was not taken down has hidden it."""
    from rich.console import Console

    Console().show_cursor()


def echo_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Writes a table to the standard output. The first column is never wrapped; what looks like markup is text."""
    from rich.console import Console
    from rich.table import Column, Table

    table = Table(Column(visible(heads[0]), no_wrap=True), *map(visible, heads[1:]))
    for row in rows:
        table.add_row(*map(visible, row))
    Console(markup=False, emoji=False, highlight=False).print(table)
