"""A file of source: pieces with what they need, in sections, its imports and constants at the head."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from headway.peel.specialise import UNKNOWN, WIDTH, Known, Piece, home_of, imports_of, public_name

__all__ = ["Writer"]


@dataclass
class Writer:
    """Pieces of source, with what they need, in sections.

    Attributes:
        known: What is known in the pieces of a class, function or module (its name), by expression; "" for all pieces.
        names: What functions and classes are called in the file, where not as in the library.
        methods: The methods of a class that are written; all where it is missing.
        inline: Which modules' functions and classes are written out; those of others are imported.
        gone: Parameters, and statements, that are left out.
    """

    known: Mapping[Any, Mapping[str, Known]]
    names: Mapping[Any, str] = field(default_factory=dict)
    methods: Mapping[type, Sequence[str]] = field(default_factory=dict)
    inline: str = "headway"
    gone: frozenset[str] = frozenset()
    imports: set[str] = field(default_factory=set)
    settings: list[str] = field(default_factory=list)
    sections: list[tuple[str, list[str]]] = field(default_factory=list)
    _written: dict[Any, str] = field(default_factory=dict)

    def section(self, title: str) -> None:
        """Begins a section, whose comment is `title`."""
        self.sections.append((title, []))

    def define(self, piece: Any) -> str:
        """Writes a function, a class or a method that becomes a function, once; gives its name in the file."""
        if piece not in self._written:
            name = self.names.get(piece) or public_name(piece.__name__, piece.__module__)
            # Before its text: a function that calls itself, or two that call each other, are written once.
            self._written[piece] = name
            text = Piece(self, piece, name).text()
            self.sections[-1][1].append(text)
        return self._written[piece]

    def block(self, function: FunctionType) -> None:
        """Writes the statements of a function, as those of the file itself."""
        text = Piece(self, function, "").statements()
        if text.strip():
            self.sections[-1][1].append(text)

    def use(self, known: Known) -> None:
        """Writes what a known expression's text names."""
        if isinstance(known.needs, str) and known.needs.startswith(("import ", "from ")):
            self.imports.update(known.needs.splitlines())
        elif isinstance(known.needs, str):
            if known.needs not in self.settings:
                self.settings.append(known.needs)
        elif known.needs is not None:
            self.define(known.needs)

    def name_of(self, name: str, scope: Mapping[str, Any], module: str) -> str | None:
        """Sees to it that a global name of a piece has a meaning in the file; gives its name there, if another."""
        lines = imports_of(module)
        piece = scope.get(name, UNKNOWN)
        home = getattr(piece, "__module__", None) if callable(piece) else home_of(module, name)
        if name in lines and not (home or "").startswith(self.inline):
            self.imports.add(lines[name])
        elif isinstance(piece, (FunctionType, type)) and (home or "").startswith(self.inline):
            return self.define(piece)
        elif piece is not UNKNOWN and home:
            key = (home, name)
            if key not in self._written:
                self._written[key] = public_name(name, home)
                text = Piece(self, key, self._written[key]).text().strip("\n")
                # Plain values stand at the head of the file, others where they are needed.
                is_plain = re.fullmatch(r"(#.*\n)*\w+ = ['\"\w.()-]+", text)
                if is_plain and text.count("\n") == 1 and len(text) < WIDTH:
                    comment, line = text.split("\n")
                    text = f"{line}  # {comment[2].lower()}{comment[3:].rstrip('.')}"
                self.settings.append(text) if is_plain else self.sections[-1][1].append(text + "\n")
            return self._written[key]
        return None

    def text(self, head: str) -> str:
        """The whole file; without a head where that is empty."""
        # Imports and constants are known last, when all sections are written, and stand first.
        parts = [f'"""{head}"""' if head else "", _sorted_imports(self.imports), "\n".join(self.settings)]
        for title, pieces in self.sections:
            if pieces:
                text = _joined(pieces)
                # A line of its own where the title would run into what follows.
                gap = "\n" if text.startswith(("#", "@", "class ", "def ")) else ""
                parts.append(f"# {title}\n{gap}{text}")
        text = "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
        # What linters of the library are told is nothing to a reader of the file.
        text = re.sub(r"  # (noqa|pyright):.*", "", text)
        # Two blank lines around functions and classes, one elsewhere.
        return _spaced(text)


def _sorted_imports(lines: Iterable[str]) -> str:
    """Import statements as isort orders them: the standard library first, names of one module together."""
    whole: set[str] = set()
    by_module: dict[str, set[str]] = {}
    for line in lines:
        if line.startswith("from "):
            module, _, names = line.removeprefix("from ").partition(" import ")
            # What gets another name stands alone.
            by_module.setdefault(module if " as " not in names else f"{module} ", set()).update(names.split(", "))
        else:
            whole.add(line)
    key: Callable[[str], Any] = lambda name: (not name.isupper(), not name[0].isupper(), name)  # noqa: E731
    joined = {f"from {of.strip()} import {', '.join(sorted(names, key=key))}" for of, names in by_module.items()}
    blocks = []
    for is_standard in (True, False):
        chosen = [line for line in (*whole, *joined) if (_top(line) in sys.stdlib_module_names) == is_standard]
        blocks.append("\n".join(sorted(chosen, key=lambda line: (line.startswith("from"), line.split()[1]))))
    return "\n\n".join(block for block in blocks if block)


def _top(line: str) -> str:
    return line.split()[1].partition(".")[0]


def _joined(pieces: Sequence[str]) -> str:
    text = ""
    for before, piece in zip(("", *pieces), pieces, strict=False):
        # Constants without a comment stand together.
        is_short = all(re.fullmatch(r"[A-Z_]+ = .*\n", one) for one in (before, piece))
        text += ("" if is_short else "\n") + piece.strip("\n") + "\n"
    return text.strip("\n")


def _spaced(text: str) -> str:
    """Two blank lines around functions and classes, one between other parts."""
    text = re.sub(r"\n\n\n+(?= )", "\n\n", text)
    text = re.sub(r"(?m)^(def .*:\n(?:    \"\"\".*\"\"\"\n)?)\n+(?=    \S)", r"\1", text)
    blocks = re.split(r"\n\n+(?=\S)", text.strip("\n"))
    result = blocks[0]
    for before, block in itertools.pairwise(blocks):
        is_wide = any(re.match(r"(#.*\n)*(@.*\n)*(def|class) ", one) for one in (before, block))
        result += ("\n\n\n" if is_wide else "\n\n") + block
    return result + "\n"
