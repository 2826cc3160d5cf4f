"""Constants of the text form: attributes, layouts as text, expressions of the grid."""

from __future__ import annotations

import json
from typing import Any

from lark import Tree

from tilevm.source import TileError, nearest
from tilevm.symbolic import OPERATORS, Expr, Name, Number, combine

Node = Any  # a lark Tree or Token; lark's own types say no more
LONGEST = 4000  # digits; Python reads 4300 at most
WORDS: dict[str, Any] = {"true": True, "false": False, "none": None}
SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "floordiv": "//", "mod": "%"}
FUNCTIONS = [name for name in OPERATORS if name.isalpha()]


def whole(token: object) -> int:
    """A whole number."""
    digits = str(token)
    if len(digits) > LONGEST:
        raise TileError(f"a number of {len(digits)} digits", help="no type holds so large a number: the widest is u64")
    return int(digits)


def string(token: object) -> str:
    """A text in quotes."""
    try:
        found: str = json.loads(str(token))
    except json.JSONDecodeError as fault:
        raise TileError(
            f"{token} is not a text: {fault.msg}",
            help=r"write \\ for \, \" for a quote, \n for a new line, \t for a tab",
        ) from None
    return found


CONSTANTS: dict[str, Any] = {
    "int": lambda c: whole(c[0]),
    "float": lambda c: float(c[0]),
    "word": lambda c: WORDS.get(str(c[0]), str(c[0])),
    "string": lambda c: string(c[0]),
    "list": lambda c: tuple(map(constant, c)),
}


def constant(node: Tree[Any]) -> Any:
    return CONSTANTS[node.data](node.children)


def expr(node: Node) -> Expr:
    """An integer expression of the grid."""
    if node.data == "number":
        return Number(whole(node.children[0]))
    if node.data == "name":
        return Name(str(node.children[0]))
    operator, parts = SYMBOLS.get(node.data), node.children
    if operator is None:
        operator, parts = str(parts[0]), parts[1:]
        if operator not in FUNCTIONS:
            near = nearest(operator, FUNCTIONS)
            help = f"did you mean {near}?" if near else f"there are {', '.join(FUNCTIONS)}"
            raise TileError(f"no function of a grid is called {operator}", help=help)
    a, b = parts
    return combine(operator, expr(a), expr(b))
