from __future__ import annotations

import os
import sys

import pytest
from rich.console import Console

from headway.course.terminal import EndOfAnswersError, Terminal

PAGE = """## A heading
A paragraph with `code`, **strong** and *stressed* words (2 * 3 * 4) and [a link](https://x.org), long enough that it
must be wrapped into two lines.

- One item
- Another one, which is so long that it goes on in a line below that begins where its text does

1. First

> A quote, which is so long that it must be wrapped into two lines by
> whoever shows it.
>
> Its second paragraph.

| a | b |
|---|---|
| 1 | the second column is so long that it is wrapped below its own title |

```python
x = 1

y = [2]
```
"""


def test_a_page_in_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(plain=True, width=60).text(PAGE)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "A heading",
        "",
        "A paragraph with `code`, strong and stressed words (2 * 3 *",
        "4) and a link (https://x.org), long enough that it must be",
        "wrapped into two lines.",
        "",
        "  - One item",
        "  - Another one, which is so long that it goes on in a line",
        "    below that begins where its text does",
        "",
        "  1. First",
        "",
        "    A quote, which is so long that it must be wrapped into",
        "    two lines by whoever shows it.",
        "",
        "    Its second paragraph.",
        "",
        "a   b",
        "1   the second column is so long that it is wrapped below",
        "    its own title",
        "",
        "    x = 1",
        "",
        "    y = [2]",
    ]


def test_plain_text_is_without_colours_and_boxes(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(plain=True, width=80)
    terminal.text(PAGE)
    terminal.line("Right.", "bold green")
    terminal.code("a = 1", numbered=True)
    assert capsys.readouterr().out.isascii()


def test_answers_and_the_end_of_them() -> None:
    lines = iter(["  an answer ", "Q", ""])
    terminal = Terminal(plain=True, read=lambda _: next(lines))
    assert terminal.ask("?") == "an answer"
    with pytest.raises(EndOfAnswersError):
        terminal.ask("?")
    terminal.pause("Wait")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no terminals of this kind.")
def test_keys_typed_before_a_prompt_answer_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import pty

    master, slave = pty.openpty()
    with os.fdopen(slave) as keyboard, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", keyboard)
        terminal = Terminal()
        # The prompt is shown after the keys: what is typed from then on counts.
        patch.setattr("builtins.input", lambda _: os.write(master, b"seen\n") and keyboard.readline())
        terminal.read = input
        os.write(master, b"typed while training\n")
        assert terminal.ask("?") == "seen"
    os.close(master)


def test_a_clock_counts_in_a_terminal_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal(plain=True).clock():
        pass
    assert capsys.readouterr().out == ""
    terminal = Terminal()
    terminal.console, terminal.plain = Console(force_terminal=True, width=40), False
    with terminal.clock():
        terminal.output("loss 0.3\n")
    shown = capsys.readouterr().out
    assert "0:00:00" in shown
    assert "loss 0.3" in shown
