"""No module needs itself: the imports at the top of modules, those for types included, go one way.

import-linter keeps the folders in order; this looks at single modules, of the same folder too. An import inside a
function is made when everything is loaded, and does not count.
"""

from __future__ import annotations

import ast

from tests.meta.modules import modules, trees

CONTRACTS = {"inputs/base.py", "targets/base.py"}
"""They name the types of what their facets take and give, which lie above them: such imports are for types alone."""


def imports() -> dict[str, set[str]]:
    """The modules of the package that each one names at its top."""
    names = {_dotted(file) for file in modules()}
    return {
        _dotted(file): _imported(_without_types(tree) if file in CONTRACTS else tree, names) - {_dotted(file)}
        for file, tree in trees().items()
    }


def _without_types(tree: ast.Module) -> ast.Module:
    body = [node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))]
    return ast.Module(body, [])


def _dotted(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imported(tree: ast.Module, names: set[str]) -> set[str]:
    found: set[str] = set()
    for node in _outside_of_functions(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("headway."):
            source = (node.module or "").removeprefix("headway.")
            # `from headway.data import store` names a module, `from headway.data.store import Store` a thing in one.
            found |= {each if (each := f"{source}.{alias.name}") in names else source for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("headway.") for alias in node.names if alias.name.startswith("headway.")}
    return found & names


def _outside_of_functions(node: ast.AST) -> list[ast.AST]:
    inside = [
        each for each in ast.iter_child_nodes(node) if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return inside + [each for child in inside for each in _outside_of_functions(child)]


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Groups of modules that all need one another."""
    reached = {name: _reached(name, graph) for name in graph}
    found: list[set[str]] = []
    for name in graph:
        group = {other for other in reached[name] if name in reached.get(other, ())}
        if group and group not in found:
            found.append(group)
    return found


def _reached(start: str, graph: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def test_there_are_no_circles() -> None:
    found = [sorted(group) for group in circles(imports())]
    assert not found, f"these need one another: {found}"


def test_a_circle_would_be_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert circles(graph) == [{"a", "b", "c"}]
    assert circles({"a": {"b"}, "b": set()}) == []
