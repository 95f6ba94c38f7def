"""A page of findings as one HTML file that loads nothing: it can be mailed, and read without a network in ten years."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

__all__ = ["document"]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#{first}">Skip to {skip}</a>
<div class="page">
<header>
<p class="eyebrow">{eyebrow}</p>
<h1>{heading}</h1>
{top}
</header>
<div class="frame">
<nav aria-labelledby="contents"><h2 id="contents">Contents</h2><ul>{links}</ul></nav>
<main>
{body}
</main>
</div>
<footer>Made by Headway. {footer}</footer>
</div>
</body>
</html>
"""


def document(
    *, title: str, eyebrow: str, heading: str, top: str, sections: Mapping[str, tuple[str, str]], footer: str
) -> str:
    """A whole HTML document in UTF-8; everything in it is HTML already.

    Args:
        title: Of the browser's tab.
        eyebrow: The line above the heading.
        heading: What the page answers.
        top: What stands below it.
        sections: Titles and contents, by the sections' ids, in order.
        footer: What ends the last line.
    """
    links = "".join(f'<li><a href="#{key}">{name}</a></li>' for key, (name, _) in sections.items())
    body = "\n".join(
        f'<section aria-labelledby="{key}"><h2 id="{key}" tabindex="-1">{name}</h2>{text}</section>'
        for key, (name, text) in sections.items()
    )
    first, (name, _) = next(iter(sections.items()))
    return _PAGE.format(
        title=title,
        style=files("headway.judge.report.page").joinpath("style.css").read_text(encoding="utf-8"),
        first=first,
        skip=f"the {name[0].lower()}{name[1:]}",
        eyebrow=eyebrow,
        heading=heading,
        top=top,
        links=links,
        body=body,
        footer=footer,
    )
