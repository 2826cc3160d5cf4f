"""Expressions: constants, tuples, attributes, subscripts, calls, f-strings."""

from __future__ import annotations

import ast
import math
import re
from types import FunctionType, ModuleType

from tilevm.ir import Value
from tilevm.layout import Layout
from tilevm.source import nearest
from tilevm.types import DType, Pointer, Scalar, Tensor, Tile

from . import language
from .calls.table import find
from .dispatch import expression
from .frame import Frame
from .function import is_helper
from .indexing import reindexed
from .inline import inline
from .lists import METHODS, index_in, refuse_stream
from .scope import way_in
from .starred import written
from .values import Bound, List, describe, is_int, is_number, plain, usable, with_article

CLASSES: dict[type, type] = {
    Tile: language.Tile,
    Scalar: language.Tile,
    Tensor: language.Tensor,
    Pointer: language.Pointer,
}
MATH = {id(f): n for n, f in vars(math).items() if callable(f) and not n.startswith("_")}
GROWING, LARGEST = ("factorial", "comb", "perm"), 1000
FACTS: dict[type, frozenset[str]] = {  # what a kernel may ask of a compile-time value
    DType: frozenset(n for n in dir(DType) if not n.startswith("_")) | set(DType.__dataclass_fields__),
    Layout: frozenset(("rank", "registers", "shape", "size", "threads")),
}


@expression.rule(ast.Constant)
def constant(node: ast.Constant, frame: Frame) -> object:
    if node.value is None or isinstance(node.value, bool | int | float | str):
        return node.value
    raise frame.error(
        f"{with_article(type(node.value).__name__)} is not supported in kernels",
        help="kernels know numbers, texts, None and ... in indices",
    )


@expression.rule(ast.JoinedStr)
def text(node: ast.JoinedStr, frame: Frame) -> str:
    """An f-string of compile-time values."""
    return "".join(str(expression(part, frame)) for part in node.values)


@expression.rule(ast.FormattedValue)
def formatted(node: ast.FormattedValue, frame: Frame) -> str:
    """Faults are shown at the value: Python before 3.12 places the braces around it at the whole text."""
    value = expression(node.value, frame)
    if isinstance(value, Value):
        raise frame.error(
            f"{describe(value)} is not known when the text is made",
            node.value,
            help="tv.print shows what is known at run time",
        )
    spec = str(expression(node.format_spec, frame)) if node.format_spec else ""
    shown = repr(value) if node.conversion == ord("r") else value
    if re.search(r"\d{4}", spec):
        raise frame.error(f"{spec!r} asks for a very long text", node.value, help="a width has at most three digits")
    try:
        return format(shown, spec)
    except (OverflowError, ValueError, TypeError) as fault:
        raise frame.error(
            f"{describe(value)} cannot be written as {spec!r}: {fault}",
            node.value,
            help="choose a format that goes with the value, or leave it out",
        ) from None


@expression.rule(ast.Attribute)
def attribute(node: ast.Attribute, frame: Frame) -> object:
    owner = expression(node.value, frame)
    if isinstance(owner, ModuleType):
        return of_module(node, owner, frame)
    if isinstance(owner, Value):
        return member(node, owner, CLASSES[type(owner.type)], frame)
    facts = FACTS.get(type(owner), frozenset())
    if node.attr in facts:
        return plain(getattr(owner, node.attr))
    if is_number(owner):
        return member(node, owner, language.Tile, frame)
    if isinstance(owner, List):
        raise of_list(node, owner, frame)
    raise unknown(node, owner, sorted(facts), frame)


def of_list(node: ast.Attribute, owner: List, frame: Frame) -> Exception:
    """What to say of a list's method where it has no meaning."""
    if node.attr in METHODS:
        name = f"{ast.unparse(node.value)}.{node.attr}(…)"
        return frame.error(f"{node.attr} gives nothing back", help=f"write {name} on a line of its own")
    if node.attr in ("pop", "remove"):
        return frame.error(
            f"{node.attr} is not supported in kernels", help="slice the list: last, xs = xs[-1], xs[:-1]"
        )
    return unknown(node, owner, list(METHODS), frame)


def of_module(node: ast.Attribute, module: ModuleType, frame: Frame) -> object:
    """A module's attribute. The module is named from outside, so what is read can be told from the text alone."""
    root: ast.expr = node
    while isinstance(root, ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name) or root.id in frame.locals or root.id in frame.names:
        raise frame.error(
            "a module cannot be kept in a local name", help=f"read {module.__name__}.{node.attr} where it is needed"
        )
    try:
        found = getattr(module, node.attr)
    except AttributeError:
        raise unknown(node, module, dir(module), frame) from None
    if not usable(found):
        raise frame.error(
            f"{ast.unparse(node)} is {describe(found)}, which a kernel cannot read from outside: "
            "it may change after compiling",
            help=way_in(found),
        )
    return plain(found)


def member(node: ast.Attribute, owner: object, kind: type, frame: Frame) -> object:
    """An attribute, or a method to be called, of a tile, a number, a tensor or a pointer."""
    known = {n: m for n, m in vars(kind).items() if not n.startswith("_")}
    found = known.get(node.attr)
    if isinstance(found, property):
        row = find(found.fget)
        assert row is not None, "every property has a row"
        return row.invoke(frame.builder, (owner,), {})
    if found is None:
        raise unknown(node, owner, list(known), frame)
    return Bound(owner, found)


def unknown(node: ast.Attribute, owner: object, known: list[str], frame: Frame) -> Exception:
    if isinstance(owner, type):
        message = f"a kernel cannot read attributes of {describe(owner)}: they may change after compiling"
        return frame.error(message, help="give it a name at the top of a module, or pass it as tv.constexpr")
    near = nearest(node.attr, known)
    written = node.value.id if isinstance(node.value, ast.Name) else ""
    public = [n for n in known if not n.startswith("_")]
    help = f"it has {', '.join(public)}" if public and len(public) < 25 else None
    if near:
        help = f"did you mean {written}.{near}?"
    return frame.error(f"{describe(owner)} has no attribute {node.attr}", help=help)


@expression.rule(ast.Subscript)
def subscript(node: ast.Subscript, frame: Frame) -> object:
    owner = expression(node.value, frame)
    if isinstance(owner, tuple):
        return item(owner, node.slice, frame)
    if isinstance(owner, Value) and isinstance(owner.type, Tile):
        return reindexed(owner, node.slice, frame)
    tensor = isinstance(owner, Value) and isinstance(owner.type, Tensor)
    call = ast.unparse(node.value)
    raise frame.error(
        f"{describe(owner)} cannot be indexed",
        help=f"{call}.load(offsets, shape) reads a tile, {call}.gather(indices) reads at index tiles"
        if tensor
        else None,
    )


def item(owner: tuple[object, ...], index: ast.expr, frame: Frame) -> object:
    """An element or a slice of a tuple or list."""
    if isinstance(index, ast.Slice):
        lower, upper, step = (bound(b, frame) for b in (index.lower, index.upper, index.step))
        if step == 0:
            raise frame.error(
                "a slice cannot have the step 0", index, help="1 takes every part, -1 takes them backwards"
            )
        found = tuple(owner)[lower:upper:step]
        return List(found) if isinstance(owner, List) else found
    return owner[index_in(owner, index, frame)]


def bound(node: ast.expr | None, frame: Frame) -> int | None:
    """One bound of a slice."""
    value = None if node is None else expression(node, frame)
    if value is None or is_int(value):
        return value
    raise frame.error(
        f"a slice has compile-time ints as bounds, not {describe(value)}",
        node,
        help="take it from a tv.constexpr parameter, or load what you need with x.load(offset, shape)",
    )


@expression.rule(ast.Call)
def call(node: ast.Call, frame: Frame) -> object:
    callee = expression(node.func, frame)
    args = [value for _, value in written(node.args, frame)]
    named = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise frame.error("** in a call is not supported in kernels", keyword.value, help="write the arguments out")
        named[keyword.arg] = expression(keyword.value, frame)
    target: object = callee
    if isinstance(callee, Bound):
        target, args = callee.method, [callee.receiver, *args]
    row = find(target)
    if row is not None:
        return row.call(frame, args, named)
    if isinstance(target, FunctionType) and is_helper(target):
        for part, value in zip(node.args, args, strict=False):
            refuse_stream(value, part, frame)
        return inline(target, frame, args, named)
    if id(target) in MATH:
        return of_math(MATH[id(target)], args, named, frame)
    raise not_callable(node, target, frame)


def of_math(name: str, args: list[object], named: dict[str, object], frame: Frame) -> object:
    """A function of Python's math module, on compile-time numbers."""
    if named:
        raise frame.error(f"math.{name} takes no argument {next(iter(named))}", help="give the arguments by position")
    if not all(map(is_number, args)):
        found = next(a for a in args if not is_number(a))
        same = f"tv.{name}" if name in language.__all__ else None
        raise frame.error(
            f"math.{name} works on compile-time numbers, not on {describe(found)}",
            help=f"use {same}" if same else None,
        )
    if name in GROWING and any(is_int(a) and a > LARGEST for a in args):
        raise frame.error(
            f"math.{name} of numbers above {LARGEST} is too large to compute here",
            help="compute it outside, and pass the result as a tv.constexpr parameter",
        )
    try:
        return plain(getattr(math, name)(*args))
    except (ArithmeticError, TypeError, ValueError) as fault:
        raise frame.error(
            f"math.{name}: {fault}", help=f"give math.{name} the arguments it takes in Python, within its domain"
        ) from None


INSTEAD = {
    "matmul": "use tv.dot",
    "power": "x ** 2, x ** 3, or tv.exp2(y * tv.log2(x))",
    "absolute": "use tv.abs",
    "pow": "x ** 2, x ** 3, or tv.exp2(y * tv.log2(x))",
    "round": "tv.floor(x + 0.5)",
    "isinstance": "ask for x.dtype or x.shape",
    "map": "write a comprehension: [f(x) for x in xs]",
    "filter": "write a comprehension: [x for x in xs if …]",
    "amax": "use tv.max",
    "amin": "use tv.min",
    "transpose": "use x.T or tv.permute",
    "broadcast_to": "use tv.broadcast",
    "expand_dims": "use tv.expand",
}


def way_to_call(callee: object) -> str:
    """What may have been meant by brackets after something that is no function."""
    return "a part is taken with square brackets: x[…]" if isinstance(callee, tuple) else "write * to multiply"


def not_callable(node: ast.Call, callee: object, frame: Frame) -> Exception:
    """What to say of a call that has no meaning in a kernel."""
    written, name = ast.unparse(node.func), getattr(callee, "__name__", "")
    if isinstance(callee, DType):
        return frame.error(f"the dtype {callee} cannot be called", help=f"convert with x.to(tv.{callee})")
    if not callable(callee):
        return frame.error(f"{describe(callee)} cannot be called", node.func, help=way_to_call(callee))
    help = INSTEAD.get(name) or (f"use tv.{name}" if name in language.__all__ else None)
    if help is None and isinstance(callee, FunctionType):
        help = f"mark {name} with @tv.function to inline it"
    elif help is None and hasattr(callee, "__wrapped__"):
        help = "kernels are launched from Python; share code between them in functions marked @tv.function"
    return frame.error(f"{written} cannot be called in a kernel", node.func, help=help)
