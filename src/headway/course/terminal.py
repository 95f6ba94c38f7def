"""Text and questions in a terminal: wrapped, with or without colour, in an order that a screen reader can follow."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["EndOfAnswersError", "Terminal", "plain_text"]

MAX_WIDTH = 88
_INLINE = re.compile(
    r"`(?P<code>[^`\n]+)`|\*\*(?P<strong>[^*\n]+)\*\*|\*(?P<stress>[^*\s](?:[^*\n]*[^*\s])?)\*|\[(?P<link>[^\]\n]+)\]\((?P<target>[^)\n]+)\)"
)


class EndOfAnswersError(Exception):
    """The learner wants to stop here: typed q, or the input ended."""


class Terminal:
    """Shows text and asks for answers.

    Args:
        plain: Neither colours nor waiting for a single key: each answer ends with Enter.
        read: Reads a line; by default from the standard input.
        width: Columns; by default those of the window.
    """

    def __init__(
        self, *, plain: bool = False, read: Callable[[str], str] | None = None, width: int | None = None
    ) -> None:
        # rich colours numbers and paths by itself, and colour is for what the course means by it.
        self.console = Console(highlight=False, no_color=plain or None, width=width, soft_wrap=True)
        self.width = min(width or self.console.width, MAX_WIDTH)
        self.plain = plain or not self.console.is_terminal
        self.read = read or input

    def line(self, text: str = "", style: str = "") -> None:
        """Shows a line as it is, wrapped."""
        self._hanging("", text, style)

    def text(self, markdown: str) -> None:
        """Shows Markdown: headings, paragraphs, lists, quotes, tables and code."""
        for number, block in enumerate(_blocks(markdown)):
            if number:
                self._print("")
            self._block(block)

    def code(self, code: str, *, numbered: bool = False) -> None:
        """Shows code as it is, indented, or with the numbers of its lines."""
        for number, line in enumerate(code.rstrip().split("\n"), start=1):
            self._print(f"{number:4}  {line}" if numbered else f"    {line}".rstrip(), "cyan")

    def output(self, text: str) -> None:
        """Shows what a program printed, as it is."""
        self.console.print(Text(text), end="")

    def choices(self, texts: Sequence[str]) -> None:
        """Shows numbered options, each wrapped behind its number."""
        for number, text in enumerate(texts, start=1):
            self._hanging(f"{number:3}. ", text)

    def ask(self, prompt: str) -> str:
        """A line that the learner types, without blanks around it.

        Raises:
            EndOfAnswersError: If it is "q", or there is no more input.
        """
        self._drop_typed_ahead()
        try:
            text = self.read(f"{prompt} ").strip()
        except EOFError:
            raise EndOfAnswersError from None
        if text.lower() == "q":
            raise EndOfAnswersError
        return text

    def pause(self, prompt: str) -> str:
        """Waits for the space bar, or for Enter where single keys cannot be read; the key, or what was typed.

        Raises:
            EndOfAnswersError: If the key is q.
        """
        # A test, a pipe and a screen reader give whole lines.
        if self.plain or self.read is not input or not sys.stdin.isatty():
            return self.ask(f"{prompt} (Enter)").lower()
        from typer import getchar

        self._drop_typed_ahead()
        self.console.print(f"{prompt} (space)", style="dim", end="\r")
        key = getchar()
        self.console.print(" " * (len(prompt) + 8), end="\r")
        if key in ("q", "Q", "\x04"):
            raise EndOfAnswersError
        # In raw mode Ctrl-C is a character and no signal.
        if key == "\x03":
            raise KeyboardInterrupt
        return key.lower()

    @contextlib.contextmanager
    def clock(self) -> Iterator[None]:
        """Counts the seconds below what is shown, until the block ends; nothing for pipes and screen readers."""
        if self.plain:
            yield
            return
        from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            progress.add_task("")
            yield

    def _drop_typed_ahead(self) -> None:
        """Forgets keys pressed while a cell ran: they would answer a question that nobody has seen."""
        if self.read is not input or not sys.stdin.isatty():
            return
        # Windows has no termios; its console keeps what was typed.
        with contextlib.suppress(ImportError):
            import termios

            termios.tcflush(sys.stdin, termios.TCIFLUSH)

    def _block(self, block: str) -> None:
        heading = re.match(r"#{1,3} (.+)", block)
        if heading:
            self.line(heading[1], "bold")
        elif block.startswith("```"):
            self.code("\n".join(block.split("\n")[1:]).removesuffix("```"))
        elif block.startswith("|"):
            self._table(block)
        elif block.startswith(">"):
            paragraphs = re.split(r"\n\s*\n", re.sub(r"^> ?", "", block, flags=re.MULTILINE))
            for number, paragraph in enumerate(paragraphs):
                if number:
                    self._print("")
                self._hanging("    ", paragraph)
        elif re.match(r"[-*] |\d+\. ", block):
            for item in re.split(r"\n(?=[-*] |\d+\. )", block):
                mark = re.match(r"([-*]|\d+\.) ", item)
                assert mark is not None
                self._hanging(f"  {mark[0]}", item[mark.end() :])
        else:
            self._hanging("", block)

    def _table(self, block: str) -> None:
        rows = [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in block.split("\n")]
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), width=self.width)
        for title in rows[0]:
            table.add_column(self._styled(title, ""), header_style="bold")
        # The second row of Markdown is the line below the titles.
        for row in rows[2:]:
            table.add_row(*(self._styled(cell, "") for cell in row))
        self.console.print(table, soft_wrap=False)

    def _hanging(self, first: str, text: str, style: str = "") -> None:
        """A wrapped text whose lines begin below each other."""
        # Source texts are wrapped at another width: their line ends mean nothing here.
        lines = self._styled(" ".join(text.split()), style).wrap(self.console, self.width - len(first))
        for number, line in enumerate(lines):
            line.rstrip()
            self.console.print(Text(" " * len(first) if number else first, style).append_text(line))

    def _print(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style))

    def _styled(self, text: str, style: str) -> Text:
        line, end = Text(style=style), 0
        for mark in _INLINE.finditer(text):
            line.append(text[end : mark.start()])
            if mark["link"]:
                line.append(f"{mark['link']} ({mark['target']})")
            elif mark["strong"]:
                line.append(mark["strong"], "bold")
            elif mark["stress"]:
                line.append(mark["stress"], "italic")
            else:
                # Without colour the backticks are what shows that it is code.
                line.append(f"`{mark['code']}`" if self.plain else mark["code"], "cyan")
            end = mark.end()
        return line.append(text[end:])


def plain_text(markdown: str, *, width: int) -> str:
    r"""Markdown as `Terminal` shows it where there is neither colour nor emphasis.

    Example:
        >>> from headway.course.terminal import plain_text
        >>> print(plain_text("A **new** word:\n\n- a [link](#words)", width=40))
        A new word:
        <BLANKLINE>
          - a link (#words)
    """
    terminal = Terminal(plain=True, width=width)
    terminal.console = Console(file=io.StringIO(), highlight=False, color_system=None, width=width, soft_wrap=True)
    with terminal.console.capture() as shown:
        terminal.text(markdown)
    return "\n".join(line.rstrip() for line in shown.get().rstrip().split("\n"))


def _blocks(markdown: str) -> list[str]:
    """The blocks of a text, which blank lines divide, code with its blank lines being one; a heading is a block."""
    # Code first, as it may hold empty lines and signs of headings.
    pieces = re.split(r"(^```.*?^```)", markdown, flags=re.DOTALL | re.MULTILINE)
    blocks = []
    for piece in pieces:
        if piece.startswith("```"):
            blocks.append(piece)
        else:
            blocks += re.split(r"\n\s*\n|(?<=\n)(?=#)|(?:^|(?<=\n))(#{1,3} .+)\n", piece)
    return [block.strip("\n") for block in blocks if block and block.strip()]
