"""Text and code of the course as HTML: Markdown without HTML in it, formulas as MathML, code with classes."""

from __future__ import annotations

import html
import re
from functools import cache
from typing import Any

from markupsafe import Markup

from headway.errors import ConfigError

__all__ = ["code", "code_lines", "headings_below", "inline", "markdown", "plain", "slug"]

# A dollar opens a formula where no space follows it, and closes one where no digit does: "$5 and $10" are amounts.
_FORMULA = re.compile(r"\$\$(?P<block>.+?)\$\$|\$(?![\s$])(?P<inline>[^$\n]+?)(?<![\s\\])\$(?!\d)", re.DOTALL)


def markdown(text: str, *, level: int = 1) -> Markup:
    r"""A text as HTML; its headings begin at a level.

    Example:
        >>> str(markdown("A *new* line, <b>escaped</b>."))
        '<p>A <em>new</em> line, &lt;b&gt;escaped&lt;/b&gt;.</p>\n'
    """
    shown = _parser().render(text)
    # A wide table scrolls by itself, and with the keyboard.
    shown = shown.replace("<table>", '<div class="wide" tabindex="0" role="group" aria-label="Table"><table>')
    return Markup(headings_below(shown.replace("</table>", "</table></div>"), level))


def inline(text: str) -> Markup:
    """A line of text as HTML, without a paragraph around it."""
    return Markup(_parser().renderInline(text))


def headings_below(shown: str, level: int) -> str:
    """HTML whose headings begin at a level."""
    return re.sub(r"<(/?)h([1-6])>", lambda tag: f"<{tag[1]}h{min(6, int(tag[2]) + level - 1)}>", shown)


def code(text: str, *, language: str = "python") -> Markup:
    """A piece of code in a block, whose long lines are wrapped where there is no room."""
    # Pygments closes what it opened at each line's end.
    lines = zip(_depths(text), _highlighted(text, language).split("\n"), strict=True)
    shown = "".join(f'<span class="line in{depth}">{line}\n</span>' for depth, line in lines)
    return Markup(f'<pre class="code"><code>{shown}</code></pre>')


def _depths(text: str) -> list[int]:
    """How far each line is indented, in steps of four, up to six: wrapped, it goes on to the right of that."""
    return [min(6, (len(line) - len(line.lstrip(" "))) // 4) for line in text.rstrip("\n").split("\n")]


def code_lines(text: str) -> list[Markup]:
    """The lines of a piece of code, each as HTML."""
    return [Markup(_highlighted(line, "python")) for line in text.rstrip("\n").split("\n")]


def plain(shown: str) -> str:
    """The words of a piece of HTML, for the search.

    Example:
        >>> plain("<p>one&amp;<b>two</b></p>")
        'one& two'
    """
    text = re.sub(r"<math.*?</math>", " ", shown, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def slug(text: str) -> str:
    """A text as an anchor.

    Example:
        >>> slug("Where they come from")
        'where-they-come-from'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


@cache
def _parser() -> Any:
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        raise _missing("markdown-it-py") from None

    # No HTML in texts: what a page loads and runs is decided by its template alone.
    parser = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table")
    # Before escapes are read: a backslash in a formula is LaTeX's.
    parser.inline.ruler.before("escape", "formula", _formula)
    parser.options["highlight"] = lambda text, language, _: str(code(text.rstrip(), language=language or "text"))
    parser.add_render_rule("formula", lambda _, tokens, index, *rest: _mathml(tokens[index]))
    return parser


def _formula(state: Any, silent: bool) -> bool:
    match = _FORMULA.match(state.src, state.pos) if state.src[state.pos] == "$" else None
    if match is None:
        return False
    # Markdown-it also asks only whether something begins here; then nothing may be written.
    if not silent:
        token = state.push("formula", "math", 0)
        token.content = (match["block"] or match["inline"]).strip()
        token.meta = {"display": "block" if match["block"] else "inline"}
    state.pos = match.end()
    return True


def _mathml(token: Any) -> str:
    try:
        from latex2mathml.converter import convert
    except ImportError:
        raise _missing("latex2mathml") from None
    return convert(token.content, display=token.meta["display"])


@cache
def _highlighted(text: str, language: str) -> str:
    try:
        from pygments import highlight
        from pygments.formatters.html import HtmlFormatter
        from pygments.lexers import get_lexer_by_name
        from pygments.util import ClassNotFound
    except ImportError:
        raise _missing("pygments") from None

    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        # A language that Pygments does not know is shown without colours.
        lexer = get_lexer_by_name("text", stripnl=False)
    return highlight(text, lexer, HtmlFormatter(nowrap=True)).rstrip("\n")


def _missing(library: str) -> ConfigError:
    fix = 'Run: pip install "headway[course]"'
    return ConfigError("Building the course's pages needs a library.", given=f"{library} is not installed", fix=fix)
