from __future__ import annotations

import pytest

from headway.course.terminal import EndOfAnswersError, Terminal

PAGE = """## A heading
A paragraph with `code`, **strong** and *stressed* words (2 * 3 * 4) and [a link](https://x.org), long enough that it
must be wrapped into two lines.

- One item
- Another one, which is so long that it goes on in a line below that begins where its text does

1. First

> A quote.

| a | b |
|---|---|
| 1 | 2 |

```python
x = 1

y = [2]
```
"""


def test_a_page_in_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(plain=True, width=60).text(PAGE)
    assert capsys.readouterr().out.splitlines() == [
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
        "  > A quote.",
        "",
        "| a | b |",
        "|---|---|",
        "| 1 | 2 |",
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
