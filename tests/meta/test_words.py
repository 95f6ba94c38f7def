"""What is written is about Headway, in Headway's words, and of use on any machine."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from tests.meta.modules import ROOT, nodes, pages, trees

FOLDERS = ("src", "tests", "docs", "benchmarks", "examples", ".ci", ".github")
ENDINGS = {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".cfg", ".csv", ".json", ".html", ""}

# In pieces, so that this file is not one of those it finds.
FORBIDDEN = {
    "a path of one machine": r"/wo" r"rk/|/ho" r"me/\w|/Us" r"ers/\w",
    "an issue's number": r"(?i)\biss" r"ues?\s*(#|no\.?|number)?\s*\d",
    "a registry's host": r"py" r"pi\.(org|python)|python" r"hosted\.org|download\.py" r"torch\.org|\binde" r"x-url\b",
    "a mark left for later": r"\bTO" r"DO\b|\bFIX" r"ME\b|\bX" r"XX\b",
}


def texts() -> dict[str, str]:
    """Every text file of the repository, by its path."""
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*")] + list(ROOT.glob("[!.]*"))
    kept = [file for file in files if file.is_file() and file.suffix in ENDINGS and not _is_made(file)]
    return {file.relative_to(ROOT).as_posix(): file.read_text(errors="replace") for file in kept}


def _is_made(file: Path) -> bool:
    parts = file.relative_to(ROOT).parts
    return any(part in ("__pycache__", "results") or part.endswith(".egg-info") for part in parts)


def test_no_text_has_forbidden_words() -> None:
    found = [
        f"{name}:{number}: {what}: {line.strip()}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), start=1)
        for what, pattern in FORBIDDEN.items()
        if re.search(pattern, line)
    ]
    assert not found, "\n".join(found)


def test_texts_are_plain() -> None:
    """No emoji, no carriage returns, no spaces at the ends of lines, one newline at the end of a file."""
    problems = []
    shipped = {name: text for name, text in texts().items() if not name.startswith("tests/")}
    for name, text in shipped.items():
        problems += [f"{name}: emoji {sign!r}" for sign in re.findall("[\U0001f000-\U0001faff\u2600-\u27bf]", text)]
        problems += [f"{name}: carriage return"] if "\r" in text else []
        problems += [f"{name}: space at the end of a line"] if re.search(r"[ \t]+$", text, flags=re.MULTILINE) else []
        problems += [f"{name}: end of file"] if text and not (text.endswith("\n") and text[-2:] != "\n\n") else []
    assert not problems, "\n".join(problems)


def test_a_term_has_one_line() -> None:
    terms = re.findall(r"^\| ([a-z -]+) \| .+ \|$", (ROOT / "docs" / "vocabulary.md").read_text(), flags=re.MULTILINE)
    terms = [term for term in terms if term not in ("term", "not")]
    assert len(terms) > 40
    assert len(set(terms)) == len(terms)


def test_names_are_those_of_the_vocabulary() -> None:
    """Arguments, attributes, functions and classes: none has a name from the left of the vocabulary's last table."""
    table = (ROOT / "docs" / "vocabulary.md").read_text().split("## Names in code")[1]
    instead = {
        wrong: right
        for left, right in re.findall(r"^\| (`.+`) \| (.+) \|$", table, flags=re.MULTILINE)
        for wrong in re.findall(r"`(\w+)`", left)
    }
    assert len(instead) > 20
    found = [
        f"{module}:{line}: {name} should be {instead[name]}"
        for module, of_module in nodes().items()
        for node in of_module
        for line, name in _names(node)
        if name in instead
    ]
    assert not found, "\n".join(found)


def test_one_thing_has_one_word() -> None:
    """No name and no page has a word from the left of the vocabulary's table of words for the same thing."""
    page = (ROOT / "docs" / "vocabulary.md").read_text()
    before, table, after = re.split(r"^## One word a thing$|^## Names in code$", page, flags=re.MULTILINE)
    banned = re.findall(r"`([\w -]+)`", "".join(re.findall(r"^\| (`[^|]+`) \|", table, flags=re.MULTILINE)))
    assert len(banned) > 10
    found = [
        f"{module}:{line}: {name}"
        for module, of_module in nodes().items()
        for node in of_module
        for line, name in [*_names(node), *_variables(node), (0, module)]
        if _parts(name) & set(banned)
    ]
    pattern = re.compile(rf"\b({'|'.join(banned)})\b", flags=re.IGNORECASE)
    for file in pages():
        text = before + after if file.name == "vocabulary.md" else file.read_text()
        found += [f"{file.name}: {word}" for word in pattern.findall(text)]
    assert not found, "\n".join(sorted(set(found)))


def test_sentences_use_plain_terms() -> None:
    """No message, no help text and no page has a phrase from the left of the vocabulary's table of phrases."""
    before, table, after = re.split(
        r"^## Phrases$|^## One word a thing$", (ROOT / "docs" / "vocabulary.md").read_text(), flags=re.MULTILINE
    )
    phrases = re.findall(r"`([\w -]+)`", "".join(re.findall(r"^\| (`[^|]+`) \|", table, flags=re.MULTILINE)))
    assert len(phrases) > 20
    pattern = re.compile(rf"\b({'|'.join(phrases)})\b", flags=re.IGNORECASE)
    shown = {page.name: before + after if page.name == "vocabulary.md" else page.read_text() for page in pages()}
    # The tables of files are the modules' first lines.
    shown["architecture.md"] = re.sub(r"^\|.*", "", shown["architecture.md"], flags=re.MULTILINE)
    found = [f"{name}: {phrase}" for name, text in shown.items() for phrase in pattern.findall(" ".join(text.split()))]
    for module, of_module in nodes().items():
        # A docstring is a statement of its own.
        statements = {id(node.value) for node in of_module if isinstance(node, ast.Expr)}
        strings = [node for node in of_module if isinstance(node, ast.Constant) and id(node) not in statements]
        found += [f"{module}:{one.lineno}: {phrase}" for one in strings for phrase in pattern.findall(str(one.value))]
    assert not found, "\n".join(found)


# The rooms of `src/headway` whose names have been looked through; "" is for the modules beside them.
CLEAN = ("", "bundle", "cli", "data", "learner", "runs", "serve", "system", "train")


def test_variables_say_what_they_hold() -> None:
    """No variable and no parameter is a word of the vocabulary's table of names that hold nothing."""
    table = (ROOT / "docs" / "vocabulary.md").read_text().split("## Names that hold nothing")[1].partition("## ")[0]
    fillers = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]+`) \|", table, flags=re.MULTILINE))))
    assert len(fillers) > 6
    found = [
        f"{module}:{line}: {name}"
        for module, tree in trees().items()
        if _room(module) in CLEAN and module != "errors.py"
        for line, name in _held(tree)
        if name in fillers
    ]
    assert not found, "\n".join(found)


def _room(module: str) -> str:
    return module.rpartition("/")[0].partition("/")[0]


def _held(node: ast.AST, *, raises: bool = False) -> list[tuple[int, str]]:
    """Variables and parameters, except the arguments of an error that the same function makes."""
    names: list[tuple[int, str]] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            calls = [each.func for each in ast.walk(child) if isinstance(each, ast.Call)]
            makes_error = any(ast.unparse(function).endswith(("Error", "cannot_write", "damage")) for function in calls)
            names += _held(child, raises=makes_error)
            continue
        names += _held(child, raises=raises)
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            names.append((child.lineno, child.id))
        elif isinstance(child, ast.arg):
            names.append((child.lineno, child.arg))
    return [(line, name) for line, name in names if not (raises and name in ("what", "given", "fix"))]


@cache
def _parts(name: str) -> set[str]:
    """The words of a name."""
    return set(re.findall(r"[a-z]+", re.sub(r"([A-Z])", r"_\1", name).lower()))


def _variables(node: ast.AST) -> list[tuple[int, str]]:
    if isinstance(node, ast.Name):
        return [(node.lineno, node.id)]
    return [(node.lineno, node.attr)] if isinstance(node, ast.Attribute) else []


def _names(node: ast.AST) -> list[tuple[int, str]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        given = node.args
        arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        return [(node.lineno, node.name), *((each.lineno, each.arg) for each in arguments if each)]
    if isinstance(node, ast.ClassDef):
        fields = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
        return [(node.lineno, node.name), *((each.lineno, each.id) for each in fields if isinstance(each, ast.Name))]
    return []


def test_pages_are_read_without_scrolling_sideways() -> None:
    """Prose is wrapped; tables and code may be as wide as they need."""
    long = []
    for page in pages():
        fenced = False
        for number, line in enumerate(page.read_text().splitlines(), start=1):
            fenced ^= line.startswith("```")
            if len(line) > 130 and not fenced and not line.startswith("|"):
                long.append(f"{page.name}:{number}: {len(line)} characters")
    assert not long, "\n".join(long)
