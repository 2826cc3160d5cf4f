"""Expressions on layouts, as users type them: ``spatial(8, 4) * local(1, 2)``. Read, never run as Python."""

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from tilevm.layout import Layout, Xor
from tilevm.report.pictures.operand import is_operand, operand
from tilevm.report.pictures.words import FUNCTIONS, LARGEST, METHODS, Value, call, is_int
from tilevm.source import TileError, nearest

LONGEST, DEEPEST = 10_000, 100  # characters of an expression, and levels of its tree
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
EXAMPLE = 'such as spatial(8, 4) * local(1, 2), "8:1@reg", or sm_80:m16n8k16.f16:a'
AXES = ("mem", "reg")  # strings that are no layouts

Operator = Callable[[Any, Any], Any]
ON_LAYOUTS: Mapping[type[ast.operator], Operator] = {ast.Mult: operator.mul, ast.Div: operator.truediv}
ON_NUMBERS: Mapping[type[ast.operator], Operator] = {
    ast.Mult: operator.mul,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
}


def read_layout(text: str) -> Layout:
    """The layout that ``text`` stands for.

    An expression over the constructors, CuTe's functions, ``*``, ``/`` and the methods that give layouts; in it, quoted
    text is a layout too. Or the text of a layout alone; or an operand, as ``operand`` reads it. Raises TileError with
    the column of a mistake, and LayoutError for the text of a layout that is none.
    """
    if len(text) > LONGEST:
        raise TileError(f"an expression of {len(text)} characters", help=f"at most {LONGEST} are read")
    return quoted(text) if is_operand(text) or is_text(text) else Reader(re.sub(r"\s", " ", text)).layout()


def is_text(text: str) -> bool:
    """Whether this is the text of a layout: it has a colon, which no expression has outside quotes."""
    return ":" in QUOTED.sub("", text)


def quoted(text: str) -> Layout:
    return operand(text) if is_operand(text) else Layout.parse(text)


@dataclass(frozen=True)
class Reader:
    """A walk through the tree of one expression."""

    text: str

    def layout(self) -> Layout:
        tree = self.tree()
        found = self.value(tree, DEEPEST)
        if not isinstance(found, Layout):
            self.fail(tree, f"this is {called(found)}, and not a layout", f"write one, {EXAMPLE}")
        return found

    def tree(self) -> ast.expr:
        blanks = len(self.text) - len(self.text.lstrip())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of Python's on strange literals; they are refused below
                return ast.parse(self.text.lstrip(), mode="eval").body
        except SyntaxError as error:
            self.fail_at(blanks + max((error.offset or 1) - 1, 0), 1, f"this is no expression: {error.msg}")
        except (ValueError, RecursionError, MemoryError) as error:
            self.fail_at(blanks, 1, f"this is no expression: {error or 'nested too deeply'}")

    def value(self, node: ast.expr, levels: int) -> Value:
        """What a node stands for, by its class."""
        if not levels:
            self.fail(node, f"the expression is nested deeper than {DEEPEST} levels", "take parts of it by themselves")
        rule = RULES.get(type(node))
        if rule is None:
            self.fail(node, "layouts are not written so", f"calls, * and / make them, {EXAMPLE}")
        return rule(self, node, levels - 1)

    def constant(self, node: ast.Constant, levels: int) -> Value:
        value = node.value
        if isinstance(value, str) and value not in AXES:
            return self.within(node, lambda: quoted(value))
        if isinstance(value, int) and abs(value) > LARGEST:
            self.fail(node, "a number beyond 2**64", "no tile is so large")
        if not (value is None or isinstance(value, int | str)):
            self.fail(node, f"{type(value).__name__} stands where whole numbers and layouts are due")
        return value

    def tuple(self, node: ast.Tuple | ast.List, levels: int) -> Value:
        return tuple(self.value(each, levels) for each in node.elts)

    def unary(self, node: ast.UnaryOp, levels: int) -> Value:
        value = self.value(node.operand, levels)
        if not isinstance(node.op, ast.USub) or not is_int(value):
            self.fail(node, "only whole numbers have a sign")
        return -value  # type: ignore[operator]  # a whole number

    def binary(self, node: ast.BinOp, levels: int) -> Value:
        left, right = self.value(node.left, levels), self.value(node.right, levels)
        if is_int(left) and is_int(right):
            table = ON_NUMBERS
        elif isinstance(left, Layout) and isinstance(right, Layout):
            table = ON_LAYOUTS
        else:
            self.fail(node, f"{called(left)} and {called(right)} do not go together", "* and / join two layouts")
        if type(node.op) not in table:
            self.fail(node, f"this operator does not join {called(left)} and {called(right)}", "layouts have * and /")
        return self.checked(node, lambda: table[type(node.op)](left, right))

    def call(self, node: ast.Call, levels: int) -> Value:
        if any(isinstance(each, ast.Starred) for each in node.args) or any(not word.arg for word in node.keywords):
            self.fail(node, "arguments are written out, without stars")
        given: tuple[Value, ...] = ()
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value, levels)
            if not isinstance(owner, Layout):
                self.fail(node.func.value, f"{called(owner)} has no methods here, layouts have")
            name, table, given = node.func.attr, METHODS, (owner,)
        elif isinstance(node.func, ast.Name):
            name, table = node.func.id, FUNCTIONS
        else:
            self.fail(node.func, "only names are called")
        if name not in table:
            what = "method" if table is METHODS else "constructor"
            self.fail(node.func, f"no {what} of layouts is called {name!r}", meant(name, table))
        given += tuple(self.value(each, levels) for each in node.args)
        named = {str(word.arg): self.value(word.value, levels) for word in node.keywords}
        return self.checked(node, lambda: call(name, table[name], given, named))

    def name(self, node: ast.Name, levels: int) -> NoReturn:
        if node.id in FUNCTIONS:
            self.fail(node, f"{node.id} has to be called", f"write {node.id}(…)")
        self.fail(node, f"nothing here is called {node.id!r}", meant(node.id, FUNCTIONS))

    def attribute(self, node: ast.Attribute, levels: int) -> NoReturn:
        help = f"write .{node.attr}(…)" if node.attr in METHODS else meant(node.attr, METHODS)
        self.fail(node, f"{node.attr!r} is not called, and only calls give layouts", help)

    def checked(self, node: ast.expr, compute: Callable[[], Value]) -> Value:
        """A value that was computed, if it is small enough to go on with."""
        found = self.within(node, compute)
        if isinstance(found, int) and abs(found) > LARGEST:
            self.fail(node, "a number beyond 2**64", "no tile is so large")
        return found

    def within(self, node: ast.expr, compute: Callable[[], Value]) -> Value:
        """What ``compute`` gives, a refusal with its place."""
        try:
            return compute()
        except ValueError as error:  # LayoutError is one
            self.fail(node, str(error))
        except TileError as error:
            self.fail(node, error.message, error.help)

    def fail(self, node: ast.expr, message: str, help: str | None = None) -> NoReturn:
        blanks = len(self.text) - len(self.text.lstrip())
        line = self.text.lstrip().encode()
        first, last = (len(line[:at].decode()) for at in (node.col_offset, node.end_col_offset or node.col_offset))
        self.fail_at(blanks + first, last - first, message, help)

    def fail_at(self, column: int, length: int, message: str, help: str | None = None) -> NoReturn:
        """Raises TileError with the expression under it, the place marked."""
        marks = " " * column + "^" * max(1, length)
        raise TileError(f"column {column + 1}: {message}\n  | {self.text}\n  | {marks}", help=help)


Rule = Callable[[Reader, Any, int], Value]
RULES: Mapping[type[ast.expr], Rule] = {
    ast.Constant: Reader.constant,
    ast.Tuple: Reader.tuple,
    ast.List: Reader.tuple,
    ast.UnaryOp: Reader.unary,
    ast.BinOp: Reader.binary,
    ast.Call: Reader.call,
    ast.Name: Reader.name,
    ast.Attribute: Reader.attribute,
}
KINDS: Mapping[type, str] = {
    Layout: "a layout",
    Xor: "a swizzle",
    int: "a number",
    tuple: "a tuple",
    bool: "a truth value",
}


def called(value: Value) -> str:
    """What a value is, in a message."""
    return KINDS.get(type(value), repr(value))


def meant(name: str, known: Iterable[str]) -> str:
    """The nearest name, or all of them."""
    near = nearest(name, tuple(known))
    return f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
