"""Layouts as people type them: ``spatial(8, 4) * local(1, 2)``, their own text, or CuTe's notation."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from tilevm.layout import construct, cute
from tilevm.layout.error import LayoutError
from tilevm.layout.layout import Layout
from tilevm.layout.xor import Swizzle
from tilevm.source import nearest

CONSTRUCTORS = (
    "spatial",
    "local",
    "column_spatial",
    "column_local",
    "replicate",
    "row_major",
    "column_major",
    "strided",
)
OF_CUTE = (
    "coalesce",
    "complement",
    "composition",
    "left_inverse",
    "logical_divide",
    "logical_product",
    "right_inverse",
    "zipped_divide",
)
NAMES: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(construct, name) for name in CONSTRUCTORS},
    **{name: getattr(cute, name) for name in OF_CUTE},
    "Swizzle": Swizzle,
}
METHODS = (
    "canonical",
    "expand",
    "flatten",
    "left_divide",
    "permute",
    "reduce",
    "reshape",
    "squeeze",
    "swizzle",
    "unsqueeze",
)
NOTATION = re.compile(r"\s*(Sw\s*<|rep\b|[\d(][\d(),\s]*:)")  # a layout's own text begins so
LONGEST = 4000  # characters


def layout_of(text: str) -> Layout:
    """The layout that ``text`` tells: an expression of constructors, ``*``, ``/`` and methods, or a layout's text.

    In an expression, texts of layouts stand in quotes. Raises LayoutError with the character of a mistake.
    """
    if len(text) > LONGEST:
        raise LayoutError(f"a layout in {len(text)} characters: {LONGEST} are enough")
    if NOTATION.match(text):
        return Layout.parse(text)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as fault:
        at = getattr(fault, "offset", None) or 1
        raise LayoutError(f"layout, character {at}: this is no expression: {getattr(fault, 'msg', fault)}") from None
    return checked(tree, value(tree))


def checked(node: ast.expr, found: object) -> Layout:
    """``found``, after checking that it is a layout."""
    if isinstance(found, str):
        return Layout.parse(found)
    if not isinstance(found, Layout):
        fail(node, f"a layout is due, and this is {type(found).__name__}")
    return found


def value(node: ast.expr) -> Any:
    """What a part of an expression means."""
    rule = RULES.get(type(node))
    if rule is None:
        fail(node, "only calls, names, numbers, tuples, * and / are known here")
    return rule(node)


def number(node: ast.Constant) -> Any:
    if not isinstance(node.value, int | str) or isinstance(node.value, bool):
        fail(node, f"{node.value!r} is no number or text of a layout")
    return node.value


def negative(node: ast.UnaryOp) -> Any:
    inner = value(node.operand)
    if not isinstance(node.op, ast.USub) or not isinstance(inner, int):
        fail(node, "a minus goes before a number")
    return -inner


def listed(node: ast.Tuple | ast.List) -> Any:
    return tuple(map(value, node.elts))


def product(node: ast.BinOp) -> Layout:
    operators = {ast.Mult: Layout.__mul__, ast.Div: Layout.__truediv__}
    operator = operators.get(type(node.op))
    if operator is None:
        fail(node, "layouts are joined by * and divided by /")
    left, right = (checked(part, value(part)) for part in (node.left, node.right))
    found: Layout = operator(left, right)
    return found


def call(node: ast.Call) -> Any:
    arguments = [value(argument) for argument in node.args]
    options = {str(word.arg): value(word.value) for word in node.keywords}
    function = method(node.func) if isinstance(node.func, ast.Attribute) else constructor(node.func)
    try:
        return function(*map(of_text, arguments), **options)
    except TypeError as fault:
        fail(node, re.sub(r"^.*?\(\) ", "", str(fault)))


def of_text(argument: object) -> object:
    """An argument, a text as the layout that it tells."""
    return Layout.parse(argument) if isinstance(argument, str) else argument


def constructor(node: ast.expr) -> Callable[..., Any]:
    if not isinstance(node, ast.Name) or node.id not in NAMES:
        fail(node, unknown(ast.unparse(node), NAMES))
    return NAMES[node.id]


def method(node: ast.Attribute) -> Callable[..., Any]:
    owner = checked(node.value, value(node.value))
    if node.attr not in METHODS:
        fail(node, f".{unknown(node.attr, METHODS)}")
    found: Callable[..., Any] = getattr(owner, node.attr)
    return found


def unknown(name: str, known: Iterable[str]) -> str:
    """That a name means nothing, and which one was meant, or which ones there are."""
    near = nearest(name, list(known))
    return f"{name} is not known: did you mean {near}?" if near else f"{name} is not known: {', '.join(known)}"


def fail(node: ast.expr, message: str) -> NoReturn:
    raise LayoutError(f"layout, character {node.col_offset + 1}: {message}")


RULES: Mapping[type[ast.expr], Callable[[Any], Any]] = {
    ast.BinOp: product,
    ast.Call: call,
    ast.Constant: number,
    ast.List: listed,
    ast.Tuple: listed,
    ast.UnaryOp: negative,
}
