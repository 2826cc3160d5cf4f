"""The source of a function: its syntax tree, and the places of its nodes in the user's file."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType
from weakref import WeakKeyDictionary

from tilevm.compiling import COMPILING
from tilevm.source import Span, TileError


@dataclass(frozen=True)
class Source:
    """A function, its definition and the file it stands in."""

    function: FunctionType
    file: str
    lines: tuple[str, ...]
    tree: ast.FunctionDef

    def span(self, node: ast.AST, caller: Span | None = None) -> Span:
        """Where ``node`` stands: of a statement with a body, its first line."""
        line, column = node.lineno, node.col_offset  # type: ignore[attr-defined]
        end_line, end_column = node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]
        if isinstance(node, ast.stmt) and hasattr(node, "body"):
            end_line, end_column = line, len(self.lines[line - 1].rstrip().encode())
        start, end = self.characters(line, column), self.characters(end_line, end_column)
        return Span(self.file, line, start, end_line, end, self.tree.name, caller)

    def characters(self, line: int, column: int) -> int:
        """A column counted in characters; syntax trees count bytes."""
        text = self.lines[line - 1]
        return column if text.isascii() else len(text.encode()[:column].decode(errors="replace"))


MARKED: WeakKeyDictionary[FunctionType, tuple[CodeType, list[str]]] = WeakKeyDictionary()  # with the lines of its file


def keep_lines(function: FunctionType) -> None:
    """Keep the text of the file that ``function`` was made from: it may be edited before the function is traced."""
    if lines := lines_of(function):
        MARKED[function] = function.__code__, lines


def lines_of(function: FunctionType) -> list[str]:
    """The lines of the file that a function stands in: as they were when it was marked, else as they are."""
    code = function.__code__
    made, lines = MARKED.get(function, (None, []))
    if made is code:
        return lines
    linecache.checkcache(code.co_filename)
    return linecache.getlines(code.co_filename, function.__globals__)


def read(function: object) -> Source:
    """The source of ``function``. Raises TileError where it cannot be read or is not a plain ``def``."""
    function = plain_function(function)
    name, code = function.__name__, function.__code__
    if code.co_name == "<lambda>":
        raise TileError(f"a lambda cannot be compiled ({code.co_filename}:{code.co_firstlineno})", help="write a def")
    lines = tuple(lines_of(function))
    if not lines:
        raise TileError(
            f"the source of {name} cannot be read: {code.co_filename} is not a file",
            help="put the kernel in a file; code typed into the interpreter or given to exec leaves no source behind",
        )
    found = [d for d in definitions("".join(lines), code.co_filename) if first_line(d) == code.co_firstlineno]
    found = [d for d in found if d.name == code.co_name]
    if not found or not isinstance(found[0], ast.FunctionDef):
        raise unreadable(function, found)
    return Source(function, code.co_filename, lines, found[0])


def plain_function(function: object) -> FunctionType:
    """``function``, which must be a Python function. Raises TileError for anything else."""
    if isinstance(function, FunctionType):
        return function
    raise TileError(
        f"a kernel is a function written with def, not a {type(function).__name__}",
        help="pass the function itself, made with def",
    )


def unreadable(function: FunctionType, found: list[ast.FunctionDef | ast.AsyncFunctionDef]) -> TileError:
    """What to say when no plain ``def`` stands where the function was compiled from."""
    name, code = function.__name__, function.__code__
    if found:
        return TileError(f"{name} is an async function ({code.co_filename}:{code.co_firstlineno})", help="write a def")
    return TileError(
        f"the source of {name} has changed: no def {name} stands at {code.co_filename}:{code.co_firstlineno}",
        help="import the module again, or start Python anew",
    )


BODIES = ("body", "orelse", "finalbody", "handlers", "cases")  # the fields that hold statements


@lru_cache(maxsize=64)
def definitions(text: str, file: str) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]:
    """Every function definition in ``text``, however deep."""
    try:
        with COMPILING:  # the parser of Python 3.11 counts its depth for all threads together
            tree = ast.parse(text, file)
    except (SyntaxError, ValueError) as fault:
        raise TileError(
            f"{file} is no longer valid Python: {fault}", help="mend the file, and import the module again"
        ) from None
    return tuple(n for n in statements(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every statement, however deep, with what may hold statements: expressions hold no definitions."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending += [inner for name in BODIES for inner in getattr(node, name, ())]


def first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The line that the code object counts from: the first decorator's where there is one."""
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])


def parameter_names(function: FunctionType) -> tuple[str, ...]:
    """The parameters of a function. Its other locals are told by the text: some belong to comprehensions alone."""
    code = function.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def assigned(statements: Iterable[ast.stmt]) -> tuple[str, ...]:
    """The names that ``statements`` assign, in order of their first appearance."""
    return tuple(dict.fromkeys(n for s in statements for n in stores(s)))


@lru_cache(maxsize=4096)
def stores(node: ast.AST) -> tuple[str, ...]:
    """The names that ``node`` assigns, each where it first is. The variables of a comprehension are its own."""
    names = (n for n in in_order(node, own=False) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return tuple(dict.fromkeys(n.id for n in names))


@lru_cache(maxsize=4096)
def mutated(node: ast.AST) -> tuple[str, ...]:
    """The names of :func:`changing`, each once."""
    return tuple(dict.fromkeys(changing(node)))


def changing(node: ast.AST) -> Iterator[str]:
    """The name at the root of each ``xs[i] = …`` and each ``xs.append(…)``: a list, if it is not a mistake."""
    for inner in in_order(node):
        target: ast.AST | None = None
        if isinstance(inner, ast.Subscript) and isinstance(inner.ctx, ast.Store):
            target = inner
        elif isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Call):
            target = inner.value.func if isinstance(inner.value.func, ast.Attribute) else None
        root = root_of(target) if target else None
        if isinstance(root, ast.Name):
            yield root.id


def root_of(node: ast.AST) -> ast.AST:
    """What stands at the left of all dots and brackets."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node


INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def in_order(node: ast.AST, own: bool = True) -> Iterator[ast.AST]:
    """``node`` and what is inside it, in the order of the text, without inner functions and classes.

    ``own``: with the variables of comprehensions.
    """
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        skipped = node.target if isinstance(node, ast.comprehension) and not own else None
        children = [c for c in inside(node) if c is not skipped and not isinstance(c, INNER)]
        pending += reversed(children)


def inside(node: ast.AST) -> list[ast.AST]:
    """What stands in the fields of ``node``, but for how a name is used, which says nothing of its own."""
    found: list[ast.AST] = []
    for name in node._fields:
        held = getattr(node, name, None)
        if isinstance(held, list):
            found += [part for part in held if isinstance(part, ast.AST)]
        elif isinstance(held, ast.AST) and name != "ctx":
            found.append(held)
    return found
