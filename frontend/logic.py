"""Conditions: truth of traced values, ``and``, ``or``, ``not``, comparisons, ``a if c else b``."""

from __future__ import annotations

import ast
from functools import partial

from tilevm.ir import Value, ops
from tilevm.ir.build import Builder
from tilevm.source import TileError
from tilevm.types import Scalar, Tile, bool_

from .calls.elementwise import where
from .dispatch import expression
from .frame import Frame
from .operators import BINARY, COMPARE, UNARY, binary, compare
from .skipping import Part, needed_if, one_of, traced
from .values import Range, Stream, describe, is_numeric, is_static


def truth(builder: Builder, value: object) -> bool | Value:
    """A condition: a Python bool where it is known at compile time, else a run-time bool."""
    if isinstance(value, Range | Stream):
        raise TileError(f"{describe(value)} is not a condition", builder.span, help="ask for its length: len(…) > 0")
    if not isinstance(value, Value):
        return bool(value)
    if value.type == Scalar(bool_):
        return value
    raise TileError(f"{describe(value)} is not a condition", builder.span, help=mend(value))


def mend(value: Value) -> str:
    """How to make a condition of something that is none."""
    if isinstance(value.type, Scalar):
        return "compare it, as in x != 0"
    if isinstance(value.type, Tile):
        whole = "x" if value.type.dtype.is_bool else "x != 0"
        return f"a tile has many truths: take tv.any({whole}) or tv.all({whole}), or choose by element with tv.where"
    return "it is always there; a constexpr parameter can say whether to use it"


@expression.rule(ast.UnaryOp)
def unary(node: ast.UnaryOp, frame: Frame) -> object:
    value = expression(node.operand, frame)
    if isinstance(node.op, ast.Not):
        return negate(frame.builder, value)
    return UNARY[type(node.op)](frame.builder, value)


def negate(builder: Builder, value: object) -> object:
    """``not value``."""
    if is_numeric(value) and isinstance(value.type, Tile) and value.type.dtype.is_bool:
        raise TileError("`not` takes one condition, not a tile", builder.span, help="~x negates a tile of bools")
    found = truth(builder, value)
    return builder.add(ops.Not, x=found).result if isinstance(found, Value) else not found


@expression.rule(ast.BoolOp)
def both_or_either(node: ast.BoolOp, frame: Frame) -> object:
    """``and`` and ``or``. A part is passed over as in Python, wherever that shows."""
    ends = isinstance(node.op, ast.Or)
    kind, sign = (ops.Or, "|") if ends else (ops.And, "&")
    pending: Value | None = None
    found: object = not ends
    for part in node.values:
        with frame.builder.collect() as made:
            found = expression(part, frame)
            with frame.at(part):
                refuse_tile(frame, found, sign, "or" if ends else "and")
                condition: object = truth(frame.builder, found)
        condition = needed_if(frame.builder, pending, not ends, Part(made, condition))
        if isinstance(condition, Value):
            pending = frame.builder.add(kind, a=pending, b=condition).result if pending else condition
        elif condition is ends:
            return found if pending is None else ends
    return found if pending is None else pending


def refuse_tile(frame: Frame, value: object, sign: str, word: str) -> None:
    if isinstance(value, Value) and isinstance(value.type, Tile):
        raise frame.error(
            f"`{word}` takes conditions, not {describe(value)}",
            help=f"combine tiles with {sign}: (a > 0) {sign} (b > 0)",
        )


@expression.rule(ast.BinOp)
def operation(node: ast.BinOp, frame: Frame) -> object:
    left = expression(node.left, frame)
    right = expression(node.right, frame)
    return binary(frame.builder, BINARY[type(node.op)], left, right)


@expression.rule(ast.Compare)
def comparison(node: ast.Compare, frame: Frame) -> object:
    """``a < b < c``: each pair, and their conjunction. Behind a comparison of numbers a part may be passed over."""
    left = expression(node.left, frame)
    whole: object = True
    for op, side in zip(node.ops, node.comparators, strict=True):
        asked = whole if isinstance(whole, Value) and whole.type == Scalar(bool_) else None
        right = needed_if(frame.builder, asked, True, traced(frame.builder, partial(expression, side, frame)))
        found = one(frame, op, left, right)
        if found is False:
            return False
        if found is not True:
            whole = found if whole is True else binary(frame.builder, BINARY[ast.BitAnd], whole, found)
        left = right
    return whole


def one(frame: Frame, op: ast.cmpop, left: object, right: object) -> object:
    """One comparison."""
    row = COMPARE.get(type(op))
    if row is not None:
        return compare(frame.builder, row, left, right)
    negated = isinstance(op, ast.IsNot | ast.NotIn)
    found = identical(frame, left, right) if isinstance(op, ast.Is | ast.IsNot) else member(frame, left, right)
    return found is not negated


def identical(frame: Frame, left: object, right: object) -> bool:
    if left is not None and right is not None:
        raise frame.error("`is` compares with None only", help="write ==")
    return left is right


def member(frame: Frame, left: object, right: object) -> bool:
    fits = isinstance(right, tuple) or (isinstance(left, str) and isinstance(right, str))
    if not fits or not is_static(left) or not is_static(right):
        raise frame.error(
            f"`in` looks up compile-time values in a tuple or list of such, not {describe(left)} in {describe(right)}",
            help="compare with each, joined by `or`",
        )
    assert isinstance(right, tuple | str)
    return left in right


@expression.rule(ast.IfExp)
def choice(node: ast.IfExp, frame: Frame) -> object:
    """``a if c else b``: a run-time condition selects; a side is passed over as in Python, wherever that shows."""
    given = expression(node.test, frame)
    with frame.at(node.test):
        if isinstance(given, Value) and isinstance(given.type, Tile):
            raise frame.error(f"{describe(given)} is not a condition", help="tv.where(c, a, b) chooses by element")
        condition = truth(frame.builder, given)
    if not isinstance(condition, Value):
        return expression(node.body if condition else node.orelse, frame)
    sides = [traced(frame.builder, partial(expression, side, frame)) for side in (node.body, node.orelse)]
    for node_, value in zip((node.body, node.orelse), (s.value for s in sides), strict=True):
        if not is_numeric(value) and not isinstance(value, int | float):
            raise frame.error(
                f"a run-time condition chooses between numbers and tiles, not {describe(value)}",
                node_,
                help="make the condition a compile-time one (a tv.constexpr parameter)",
            )
    return where(frame.builder, condition, *one_of(frame.builder, condition, *sides))
