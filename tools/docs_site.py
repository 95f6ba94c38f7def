"""What `mkdocs` does not know of the docs site: README as its first page, and a page for each public name.

MkDocs calls the functions by their names; `mkdocs.yml` names this file.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import headway as hw

ROOT = Path(__file__).parents[1]
PAGES = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
# By the beginning of the module that a name comes from.
SUBJECTS = {
    "Data": ("data", "lab"),
    "Fields": ("inputs", "targets"),
    "Training": ("learner", "train", "sklearn"),
    "Judging": ("judge",),
    "Using": ("bundle",),
    "Errors": ("errors",),
}


class Examples(griffe.Extension):
    """Reads "Example:" in a docstring as a section of code rather than as text, in which `>>>` is a quotation."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for each object when its docstring was found."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the pages of the public names into the navigation."""
    nav: list[Any] = config.nav or []
    (position,) = [number for number, entry in enumerate(nav) if entry == {"Python": "api/"}]
    by_subject = [{subject: [{name: f"api/{name}.md"} for name in names]} for subject, names in subjects().items()]
    nav[position] = {"Python": ["api/index.md", *by_subject]}
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are no files of docs/."""
    for name, source in PAGES.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text()))
    files.append(File.generated(config, "api/index.md", content=_overview()))
    for name in public_names():
        files.append(File.generated(config, f"api/{name}.md", content=_page(name)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links between the pages, which lie in two folders; what is no page of the site is named without a link."""
    for name, source in PAGES.items():
        markdown = re.sub(rf"\]\((?:\.\./)?{re.escape(source)}(?=[)#])", f"]({name}", markdown)
    if page.file.src_uri in PAGES:
        markdown = markdown.replace("](docs/", "](")
    return re.sub(r"\[([^\]]+)\]\((?:\.\./src/[^)]*|LICENSE)\)", r"\1", markdown)


def public_names() -> list[str]:
    """The names that `headway` exports."""
    return [name for name in hw.__all__ if name != "__version__"]


def subjects() -> dict[str, list[str]]:
    """The public names by subject, each name once."""
    by_subject: dict[str, list[str]] = {subject: [] for subject in SUBJECTS}
    for name in public_names():
        home = _home(name).removeprefix("headway.")
        by_subject[next(one for one, starts in SUBJECTS.items() if home.startswith(starts))].append(name)
    return by_subject


def _home(name: str) -> str:
    value = getattr(hw, name)
    return value.__name__ if isinstance(value, ModuleType) else value.__module__


def _page(name: str) -> str:
    value = getattr(hw, name)
    if isinstance(value, ModuleType):
        below = "    options:\n      heading_level: 2\n"
        members = "\n".join(f"::: {value.__name__}.{member}\n{below}" for member in value.__all__)
        return f"# `headway.{name}`\n\n{inspect.getdoc(value)}\n\n{members}"
    return f"::: {value.__module__}.{value.__qualname__}\n"


def _overview() -> str:
    lines = ["# The public names", "", "`import headway as hw` gives these; all else may change without notice."]
    for subject, names in subjects().items():
        lines += ["", f"## {subject}", "", "| name | what it is |", "|---|---|"]
        for name in names:
            first = (inspect.getdoc(getattr(hw, name)) or "").splitlines()[0].replace("|", "\\|")
            lines.append(f"| [`hw.{name}`]({name}.md) | {first} |")
    return "\n".join(lines) + "\n"
