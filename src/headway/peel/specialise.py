"""Real source, specialised: what a run decided is put in, and the branches that it did not take are left out.

A peeled file is made of the library's own functions, as `inspect.getsource` gives them, so it cannot drift from them.
Of each piece the expressions that are known become a constant's name, an `if` whose condition is known becomes its
branch, and what a piece needs is written before it. Comments stay. Nothing here knows what the pieces compute.
"""

from __future__ import annotations

import ast
import inspect
import operator
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any, Protocol

__all__ = ["UNKNOWN", "WIDTH", "Known", "Piece", "constant", "home_of", "imports_of", "public_name"]

UNKNOWN = object()

# Of a line.
WIDTH = 120

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_DROPPED_DECORATORS = ("staticmethod", "classmethod", "property", "cached_property")

# Positions are counted in bytes, as `ast` counts columns; characters would be off behind the first letter beyond ASCII.
Edit = tuple[int, int, bytes]


@dataclass(frozen=True)
class Known:
    """What is known of an expression.

    Attributes:
        text: What stands in its place; None where it stays as it is, and only decides conditions.
        value: What it was in the run.
        needs: The function or class that the text names, which is written too; or a whole line that defines it.
    """

    text: str | None = None
    value: Any = UNKNOWN
    needs: Any = None


def constant(name: str, value: Any, comment: str = "") -> Known:
    """A value that is written at the head of the file under a name of its own, where something uses it."""
    line = f"{name} = {_written(value)}" + (f"  # {comment}" if comment else "")
    return Known(name, value, line)


class File(Protocol):
    """The file that pieces are written to; see `headway.peel.source.Writer`."""

    known: Mapping[Any, Mapping[str, Known]]
    methods: Mapping[type, Sequence[str]]
    gone: frozenset[str]
    imports: set[str]

    def use(self, known: Known) -> None:
        """Sees to it that what a known expression's text names has a meaning in the file."""

    def name_of(self, name: str, scope: Mapping[str, Any], module: str) -> str | None:
        """The same for a global name of a piece; gives its name in the file, if another."""


class Piece:
    """One function, class, method or constant, and the edits that specialise it."""

    def __init__(self, writer: File, piece: Any, name: str) -> None:
        self.writer, self.piece, self.name = writer, piece, name
        if isinstance(piece, tuple):
            self.module, source = piece[0], _constant_source(*piece)
        else:
            # The real source and not a copy kept beside it: what is written cannot fall behind the library.
            self.module, source = piece.__module__, textwrap.dedent(inspect.getsource(piece))
        self.scope = vars(sys.modules[self.module])
        self.source = source.encode()
        self.node = ast.parse(source).body[0]
        starts = [0]
        for line in self.source.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        self.lines = starts
        owner = _owner(piece)
        keys = ("", self.module, owner, piece)
        self.known = {
            text: known for key in keys if key is not None for text, known in writer.known.get(key, {}).items()
        }
        self.locals = {node.id for node in ast.walk(self.node) if isinstance(node, ast.Name) and _is_stored(node)}
        self.locals |= {node.arg for node in ast.walk(self.node) if isinstance(node, ast.arg)}
        if isinstance(piece, tuple):
            self.locals.clear()

    def text(self) -> str:
        """The piece, specialised, under its name."""
        return self._applied(0, len(self.source), self._edits(self.node)).rstrip() + "\n"

    def statements(self) -> str:
        """The body of a function alone, without its docstring."""
        assert isinstance(self.node, ast.FunctionDef)
        has_docstring = _is_docstring(self.node.body[0], self.node.body)
        body = self.node.body[has_docstring:]
        start = self._line_start(self._first_line(body[0], (self.node.body[0].end_lineno or 0) if has_docstring else 0))
        text = self._applied(start, len(self.source), self._block(body))
        return textwrap.dedent(text).rstrip() + "\n"

    # Edits.

    def _edits(self, node: ast.AST) -> list[Edit]:
        if isinstance(node, ast.expr):
            return self._expression(node)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            return self._definition(node)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(self.piece, tuple):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            value = self._expression(node.value) if node.value is not None else []
            end = self._span(node.value)[0] if node.value is not None else 0
            return [(self._span(target)[0], end, f"{self.name} = ".encode()), *value]
        edits = [*self._hint_edits(node)] if isinstance(node, ast.AnnAssign) else []
        for name, value in ast.iter_fields(node):
            if name == "annotation":
                continue
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                edits += self._block(value)
            else:
                children = value if isinstance(value, list) else [value]
                edits += [edit for child in children if isinstance(child, ast.AST) for edit in self._edits(child)]
        return edits

    def _expression(self, node: ast.expr) -> list[Edit]:
        start, end = self._span(node)
        known = self.known.get(ast.unparse(node))
        if known is not None and known.text is not None and not _is_stored(node):
            self.writer.use(known)
            indent = re.match(rb" *", self.source[self._line_start(node.lineno) :])[0]  # pyright: ignore
            return [(start, end, known.text.encode().replace(b"\n", b"\n" + indent))]
        if isinstance(node, ast.IfExp) and (truth := self._truth(node.test)) is not None:
            return self._instead(node, node.body if truth else node.orelse)
        if isinstance(node, ast.BoolOp):
            # What is left out decides nothing: True in an `and`, False in an `or`.
            idle = isinstance(node.op, ast.And)
            left = [value for value in node.values if self._truth(value) is not idle]
            if left and len(left) < len(node.values):
                return self._instead(node, left[0] if len(left) == 1 else ast.BoolOp(node.op, left), left)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in self.locals:
            name = self.writer.name_of(node.id, self.scope, self.module)
            return [(start, end, name.encode())] if name not in (None, node.id) else []
        if isinstance(node, ast.Call):
            return self._call(node)
        children = [*ast.iter_child_nodes(node)]
        if isinstance(node, ast.Lambda):
            children = [node.body]
        return [edit for child in children for edit in self._edits(child)]

    def _call(self, node: ast.Call) -> list[Edit]:
        arguments = [*node.args, *node.keywords]
        left = [one for one in arguments if not self._is_gone(one)]
        edits = self._edits(node.func)
        if len(left) < len(arguments):
            texts = [self._rendered(one) for one in left]
            start, end = self._span(node.func)[1] + 1, self._span(node)[1] - 1
            text = ", ".join(texts)
            line = self.source[self._line_start(node.lineno) : start].decode()
            if len(line + text) + 1 > WIDTH:
                indent = re.match(" *", line)[0]  # pyright: ignore[reportOptionalSubscript]
                text = "".join(f"\n{indent}    {one}," for one in texts) + f"\n{indent}"
            return [*edits, (start, end, text.encode())]
        return [*edits, *(edit for one in arguments for edit in self._edits(one))]

    def _is_gone(self, argument: ast.expr | ast.keyword) -> bool:
        is_named = isinstance(argument, ast.keyword)
        value = argument.value if is_named else argument
        names = {getattr(value, "id", None), argument.arg if is_named else None}
        return bool(names & self.writer.gone)

    def _definition(self, node: ast.FunctionDef | ast.ClassDef) -> list[Edit]:
        edits: list[Edit] = []
        if node is self.node and isinstance(node, ast.ClassDef):
            at = self.source.index(node.name.encode(), self._line_start(node.lineno))
            edits.append((at, at + len(node.name.encode()), self.name.encode()))
        for decorator in node.decorator_list:
            is_method = node is self.node and ast.unparse(decorator) in _DROPPED_DECORATORS
            if is_method:
                edits.append(self._whole_lines(decorator.lineno, decorator.end_lineno))
            else:
                edits += self._edits(decorator)
        if isinstance(node, ast.ClassDef):
            return [*edits, *self._bases(node), *self._members(node)]
        return [*edits, *self._signature(node), *self._block(node.body, is_body=True)]

    def _bases(self, node: ast.ClassDef) -> list[Edit]:
        if self.piece in self.writer.methods and node.bases and not any("nn." in ast.unparse(b) for b in node.bases):
            start, end = self._span(node.bases[0])[0] - 1, self._span(node.bases[-1])[1] + 1
            return [(start, end, b"")]
        return [edit for base in node.bases for edit in self._edits(base)]

    def _members(self, node: ast.ClassDef) -> list[Edit]:
        edits, wanted = [], self.writer.methods.get(self.piece)
        is_module = any("nn." in ast.unparse(base) for base in node.bases)
        for member in node.body:
            is_method = isinstance(member, ast.FunctionDef)
            is_idle = isinstance(member, ast.AnnAssign) and (
                (member.value is None and is_module) or getattr(member.target, "id", "") in self.writer.gone
            )
            if is_idle or (is_method and wanted is not None and member.name not in wanted):
                first = min([member.lineno, *(d.lineno for d in getattr(member, "decorator_list", ()))])
                edits.append(self._whole_lines(first, member.end_lineno, comments=True))
            elif _is_docstring(member, node.body):
                edits += self._short(member)
            else:
                edits += self._edits(member)
        return edits

    def _signature(self, node: ast.FunctionDef) -> list[Edit]:
        """The arguments that are left, in as few lines as they need."""
        arguments, defaults = node.args, dict[str, ast.expr | None]()
        plain = [*arguments.posonlyargs, *arguments.args]
        defaults |= {one.arg: by for one, by in zip(plain[::-1], arguments.defaults[::-1], strict=False)}
        defaults |= {one.arg: by for one, by in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)}
        is_method = node is self.node and isinstance(self.piece, FunctionType) and "." in self.piece.__qualname__
        plain = plain[is_method:]
        stars = {one: prefix + one.arg for one, prefix in ((arguments.vararg, "*"), (arguments.kwarg, "**")) if one}
        marker = ["*"] if arguments.kwonlyargs and not arguments.vararg else []
        ordered = [*plain, arguments.vararg, *marker, *arguments.kwonlyargs, arguments.kwarg]
        texts = []
        for one in ordered:
            if isinstance(one, str):
                texts.append(one)
            elif one is not None and one.arg not in self.writer.gone:
                texts.append(stars.get(one, str(one.arg)) + self._typed(_hint_of(one), defaults.get(one.arg)))
        if texts and texts[-1] == "*":
            texts.pop()
        returns = self._typed(node.returns, None, " -> ")
        start, end = self._header(node)
        name = self.name if node is self.node else node.name
        indent = " " * node.col_offset
        line = f"{indent}def {name}({', '.join(texts)}){returns}:"
        if len(line) > WIDTH:
            inner = f"{indent}    {', '.join(texts)}"
            if len(inner) > WIDTH:
                inner = "\n".join(f"{indent}    {text}{'' if text.startswith('**') else ','}" for text in texts)
            line = f"{indent}def {name}(\n{inner}\n{indent}){returns}:"
        return [(start, end, line.encode())]

    def _header(self, node: ast.FunctionDef) -> tuple[int, int]:
        """From the start of its line to the colon of a function's signature."""
        start = self._line_start(node.lineno)
        first = self._line_start(self._first_line(node.body[0], 0))
        return start, start + self.source[start:first].rindex(b":") + 1

    def _typed(self, hint: ast.expr | None, default: ast.expr | None, sign: str = ": ") -> str:
        text = "" if hint is None or self._is_ours(hint) else sign + self._rendered(hint)
        if default is None:
            return text
        return f"{text}{' = ' if text else '='}{self._rendered(default)}"

    def _hint_edits(self, node: ast.AnnAssign) -> list[Edit]:
        hint = _hint_of(node)
        assert hint is not None
        return [(self._span(node.target)[1], self._span(hint)[1], b"")] if self._is_ours(hint) else self._edits(hint)

    def _is_ours(self, hint: ast.expr) -> bool:
        names = {node.id for node in ast.walk(hint) if isinstance(node, ast.Name)}
        lines = imports_of(self.module)
        return any("headway" in lines.get(name, "") or home_of(self.module, name) == self.module for name in names)

    # Statements.

    def _block(self, statements: Sequence[ast.stmt], *, is_body: bool = False) -> list[Edit]:
        edits: list[Edit] = []
        for index, statement in enumerate(statements):
            if is_body and _is_docstring(statement, statements):
                edits += self._short(statement)
            elif isinstance(statement, ast.If) and (truth := self._truth(statement.test)) is not None:
                chosen = statement.body if truth else statement.orelse
                edits.append(self._branch(statement, chosen))
                if chosen and isinstance(chosen[-1], _ENDS) and index + 1 < len(statements):
                    last = statements[-1].end_lineno
                    edits.append(self._whole_lines((statement.end_lineno or 0) + 1, last))
                    break
            elif isinstance(statement, ast.Try) and self._only_explains(statement):
                edits.append(self._branch(statement, statement.body))
            elif self._is_idle(statement):
                edits.append(self._whole_lines(statement.lineno, statement.end_lineno, comments=True))
            else:
                edits += self._edits(statement)
        return edits

    def _only_explains(self, statement: ast.Try) -> bool:
        """Whether all that a `try` does is to raise one of Headway's errors in place of another."""
        raised = [handler.body[-1] for handler in statement.handlers]
        names = [ast.unparse(one.exc).partition("(")[0] for one in raised if isinstance(one, ast.Raise) and one.exc]
        return len(names) == len(raised) > 0 and all(home_of(self.module, name) == "headway.errors" for name in names)

    def _is_idle(self, statement: ast.stmt) -> bool:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            self.writer.imports.add(ast.unparse(statement))
            self.locals -= {alias.asname or alias.name for alias in statement.names}
            return True
        return isinstance(statement, ast.Assert) or ast.unparse(statement) in self.writer.gone

    def _branch(self, statement: ast.If | ast.Try, chosen: Sequence[ast.stmt]) -> Edit:
        start, end = self._whole_lines(statement.lineno, statement.end_lineno, comments=not chosen)[:2]
        if not chosen:
            return (start, end, b"")
        before = statement.test.end_lineno if isinstance(statement, ast.If) else statement.lineno
        if isinstance(statement, ast.If) and chosen is not statement.body:
            before = self._else_line(statement)
        first = self._line_start(self._first_line(chosen[0], before or 0))
        last = self._line_start((chosen[-1].end_lineno or 0) + 1)
        text = self._applied(first, last, self._block(chosen))
        indent = " " * statement.col_offset
        text = textwrap.indent(textwrap.dedent(text), indent)
        return (start, end, re.sub(rf"\A({indent})elif ", r"\1if ", text).encode())

    def _else_line(self, statement: ast.If) -> int:
        lines = self.source.decode().splitlines()
        number = statement.orelse[0].lineno
        while not lines[number - 1].strip().startswith(("else:", "elif ")):
            number -= 1
        return number - 1 if lines[number - 1].strip().startswith("elif ") else number

    def _short(self, statement: ast.stmt) -> list[Edit]:
        """A docstring's first paragraph."""
        assert isinstance(statement, ast.Expr)
        assert isinstance(statement.value, ast.Constant)
        first = inspect.cleandoc(str(statement.value.value)).partition("\n\n")[0].replace("\n", " ")
        return [(*self._span(statement), f'"""{first}"""'.encode())]

    # Conditions.

    def _truth(self, node: ast.expr) -> bool | None:
        try:
            return bool(self._value(node))
        except LookupError:
            return None

    def _value(self, node: ast.expr) -> Any:
        known = self.known.get(ast.unparse(node))
        if known is not None and known.value is not UNKNOWN:
            return known.value
        match node:
            case ast.Constant():
                return node.value
            case ast.UnaryOp() if type(node.op) in _OPERATORS:
                return _OPERATORS[type(node.op)](self._value(node.operand))
            case ast.BinOp() if type(node.op) in _OPERATORS:
                return _OPERATORS[type(node.op)](self._value(node.left), self._value(node.right))
            case ast.Compare() if len(node.ops) == 1 and type(node.ops[0]) in _OPERATORS:
                return _OPERATORS[type(node.ops[0])](self._value(node.left), self._value(node.comparators[0]))
            case ast.BoolOp():
                decides = isinstance(node.op, ast.Or)
                truths = [self._truth(value) for value in node.values]
                if decides in truths:
                    return decides
                if None not in truths:
                    return not decides
        raise LookupError

    # Text.

    def _instead(self, node: ast.expr, by: ast.expr, parts: Sequence[ast.expr] = ()) -> list[Edit]:
        """A part of an expression in place of the whole, without the parentheses around it."""
        start, end = self._span(node)
        word = " or " if isinstance(by, ast.BoolOp) and isinstance(by.op, ast.Or) else " and "
        text = word.join(map(self._rendered, parts)) if len(parts) > 1 else self._rendered(by)
        before, after = self.source[:start], self.source[end:]
        if before.endswith(b"(") and after.startswith(b")") and not re.search(rb"[\w\])]\($", before):
            start, end = start - 1, end + 1
        return [(start, end, text.encode())]

    def _rendered(self, node: ast.AST) -> str:
        return self._applied(*self._span(node), self._edits(node))

    def _applied(self, start: int, end: int, edits: Iterable[Edit]) -> str:
        text, at = b"", start
        for first, last, by in sorted(edits):
            text, at = text + self.source[at:first] + by, last
        return (text + self.source[at:end]).decode()

    def _span(self, node: Any) -> tuple[int, int]:
        start = self.lines[node.lineno - 1] + node.col_offset
        return start, self.lines[node.end_lineno - 1] + node.end_col_offset

    def _line_start(self, number: int) -> int:
        return self.lines[min(number, len(self.lines)) - 1]

    def _first_line(self, statement: ast.stmt, after: int) -> int:
        """The first line that belongs to a statement, comments above it counted, below the line `after`."""
        number = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", ()))])
        lines = self.source.decode().splitlines()
        while number - 1 > after and lines[number - 2].strip().startswith("#"):
            number -= 1
        return number

    def _whole_lines(self, first: int, last: int | None, *, comments: bool = False) -> Edit:
        lines = self.source.decode().splitlines()
        while comments and first > 1 and lines[first - 2].strip().startswith("#"):
            first -= 1
        return self._line_start(first), self._line_start((last or first) + 1), b""


def _hint_of(node: ast.AST) -> ast.expr | None:
    return getattr(node, "annotation", None)


def _is_stored(node: ast.expr) -> bool:
    return isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del))


def _is_docstring(statement: ast.stmt, block: Sequence[ast.stmt]) -> bool:
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_text and statement is block[0] and isinstance(statement.value.value, str)  # pyright: ignore


def _owner(piece: Any) -> Any:
    """The class of a method."""
    if isinstance(piece, FunctionType) and "." in piece.__qualname__:
        return vars(sys.modules[piece.__module__])[piece.__qualname__.partition(".")[0]]
    return None


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[module]))


@cache
def public_name(name: str, module: str) -> str:
    """A private name without its underscore, unless the module calls something else so."""
    public = name.lstrip("_")
    nodes = [*ast.walk(_tree(module))]
    others = {node.id for node in nodes if isinstance(node, ast.Name) and _is_stored(node)}
    others |= {getattr(node, "arg", None) or getattr(node, "name", None) or "" for node in nodes}
    return name if public in others - {name} else public


@cache
def imports_of(module: str) -> dict[str, str]:
    """The line that imports each name of a module, at its top or for types alone."""
    lines = {}
    for node in ast.walk(_tree(module)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            begin = f"from {node.module} import " if isinstance(node, ast.ImportFrom) else "import "
            names = {(alias.asname or alias.name).partition(".")[0]: alias for alias in node.names}
            lines |= {name: begin + ast.unparse(alias) for name, alias in names.items()}
    return lines


def home_of(module: str, name: str) -> str | None:
    """The module in which a name is assigned or defined, seen from one that uses it; None for a builtin."""
    line = imports_of(module).get(name, "")
    if line.startswith("from headway"):
        return line.split()[1]
    is_own = any(
        getattr(node, "name", None) == name
        or any(isinstance(part, ast.Name) and part.id == name and _is_stored(part) for part in ast.walk(node))
        for node in _tree(module).body
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.ClassDef, ast.FunctionDef))
        and (isinstance(node, (ast.Assign, ast.AnnAssign)) or node.name == name)
    )
    return module if is_own else None


def _constant_source(module: str, name: str) -> str:
    """The lines that assign a module's constant, and the comment above them."""
    # `inspect` knows no source of a constant, so it is looked for in the module's tree.
    lines = inspect.getsource(sys.modules[module]).splitlines()
    for node in _tree(module).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            first = node.lineno
            while lines[first - 2].startswith("#"):
                first -= 1
            return "\n".join(lines[first - 1 : node.end_lineno]) + "\n"
    raise LookupError(name)


def _written(value: Any) -> str:
    return repr(value) if '"' in repr(value) else repr(value).replace("'", '"')
