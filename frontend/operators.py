"""Python's operators on traced values: folded at compile time, or emitted as instructions."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tilevm.ir import Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.ops.expect import FAMILY
from tilevm.source import TileError
from tilevm.types import f32

from .calls.product import dot
from .calls.sequences import limit
from .promote import cast, dtype_of, meet, natural, runtime, way_to_numbers
from .stretch import together
from .values import List, Range, Stream, describe, is_int, is_number, is_static

LARGEST_BITS = 4096  # of an integer computed at compile time
WORDS = {"i": "integers", "f": "floats", "b": "bools"}


@dataclass(frozen=True)
class Operator:
    """A binary operator: its sign, what it is in Python, its instruction, and the dtypes it takes."""

    sign: str
    python: Callable[[Any, Any], Any]
    instruction: type[ops.Binary | ops.Compare]
    families: str
    instead: str = "convert the operand with .to(…)"

    @property
    def what(self) -> str:
        return f"`{self.sign}`"


ON_BOOLS = "convert bools with .to(…), choose with tv.where, or combine them with & | ^"
ADD = Operator("+", operator.add, ops.Add, "if", ON_BOOLS)
SUB = Operator("-", operator.sub, ops.Sub, "if", ON_BOOLS)
MUL = Operator("*", operator.mul, ops.Mul, "if", ON_BOOLS)
DIV = Operator("/", operator.truediv, ops.Div, "if")
FLOORDIV = Operator("//", operator.floordiv, ops.FloorDiv, "if")
MOD = Operator("%", operator.mod, ops.Mod, "if")
AND = Operator("&", operator.and_, ops.And, "ib")
OR = Operator("|", operator.or_, ops.Or, "ib")
XOR = Operator("^", operator.xor, ops.Xor, "ib")
SHL = Operator("<<", operator.lshift, ops.Shl, "i")
SHR = Operator(">>", operator.rshift, ops.Shr, "i")
POW = Operator("**", operator.pow, ops.Mul, "if")
MATMUL = Operator("@", operator.matmul, ops.Mul, "if")

BINARY: dict[type[ast.operator], Operator] = {
    ast.Add: ADD,
    ast.Sub: SUB,
    ast.Mult: MUL,
    ast.Div: DIV,
    ast.FloorDiv: FLOORDIV,
    ast.Mod: MOD,
    ast.BitAnd: AND,
    ast.BitOr: OR,
    ast.BitXor: XOR,
    ast.LShift: SHL,
    ast.RShift: SHR,
    ast.Pow: POW,
    ast.MatMult: MATMUL,
}
COMPARE: dict[type[ast.cmpop], Operator] = {
    ast.Eq: Operator("==", operator.eq, ops.Eq, "ifb"),
    ast.NotEq: Operator("!=", operator.ne, ops.Ne, "ifb"),
    ast.Lt: Operator("<", operator.lt, ops.Lt, "ifb"),
    ast.LtE: Operator("<=", operator.le, ops.Le, "ifb"),
    ast.Gt: Operator(">", operator.gt, ops.Gt, "ifb"),
    ast.GtE: Operator(">=", operator.ge, ops.Ge, "ifb"),
}


def binary(builder: Builder, row: Operator, x: object, y: object) -> object:
    """``x sign y`` of two traced values."""
    if isinstance(x, tuple) or isinstance(y, tuple):
        return on_parts(builder, row, x, y)
    if is_static(x) and is_static(y):
        return fold(builder, row, x, y)
    return SPECIAL.get(row.sign, emit)(builder, row, x, y)


def on_parts(builder: Builder, row: Operator, x: object, y: object) -> tuple[object, ...]:
    """Two tuples or two lists joined, or one of them repeated."""
    noun = "list" if isinstance(x, List) or isinstance(y, List) else "tuple"
    if row is ADD and isinstance(x, tuple) and isinstance(y, tuple) and isinstance(x, List) is isinstance(y, List):
        limit(builder, f"this {noun}", len(x) + len(y))
        return List((*x, *y)) if isinstance(x, List) else (*x, *y)
    parts, times = (x, y) if isinstance(x, tuple) else (y, x)
    if row is MUL and isinstance(parts, tuple) and is_int(times):
        count = max(times, 0) if parts else 0  # any number of copies of nothing is nothing
        limit(builder, f"this {noun}", len(parts) * count)
        return List(tuple(parts) * count) if isinstance(parts, List) else parts * count
    raise TileError(
        f"{row.what} does not go with {describe(x)} and {describe(y)}",
        builder.span,
        help="+ joins two tuples or two lists, * repeats one a compile-time number of times",
    )


def fold(builder: Builder, row: Operator, x: object, y: object) -> object:
    """``x sign y`` of Python numbers, by Python itself."""
    for side in (x, y):
        if not is_number(side):
            joined = isinstance(side, str) and row is ADD
            help = 'f-strings join text: f"{a}{b}"' if joined else way_to_numbers(side)
            raise TileError(f"{row.what} takes numbers and tiles, not {describe(side)}", builder.span, help=help)
    assert is_number(x) and is_number(y)
    if is_int(x) and is_int(y) and grown(row, x, y) > LARGEST_BITS:
        raise TileError(
            f"this number has more than {LARGEST_BITS} bits",
            builder.span,
            help="compute with floats, or outside the kernel",
        )
    try:
        found = row.python(x, y)
    except (ArithmeticError, TypeError, ValueError) as fault:
        raise TileError(
            f"{x} {row.sign} {y} cannot be computed: {fault}",
            builder.span,
            help=way_round(fault),
        ) from None
    if not is_number(found):
        raise TileError(
            f"{x} {row.sign} {y} is not a real number",
            builder.span,
            help="kernels know real numbers only: take the power of a number that is not negative",
        )
    return found


def way_round(fault: Exception) -> str:
    """How to avoid what Python says of an operation on numbers."""
    if isinstance(fault, ZeroDivisionError):
        return "give a divisor other than 0"
    return "floats end at 1.8e308" if isinstance(fault, OverflowError) else "give numbers that Python can compute"


def grown(row: Operator, x: int, y: int) -> int:
    """About how many bits ``x sign y`` has."""
    bits = x.bit_length()
    return {"**": bits * max(y, 1), "<<": bits + max(y, 0), "*": bits + y.bit_length()}.get(row.sign, 0)


def emit(builder: Builder, row: Operator, x: object, y: object) -> Value:
    """The instruction for ``x sign y``, of which one at least is known only at run time."""
    for side in (x, y):
        accept(builder, row, side)
    a, b = together(builder, row.what, *meet(builder, row.what, x, y))
    return builder.add(row.instruction, a=a, b=b).result


def accept(builder: Builder, row: Operator, x: object) -> None:
    """Raises TileError where an operand is not of a family that the operator takes."""
    dtype = natural(builder, x) if is_number(x) else dtype_of(runtime(builder, x, row.what))
    if FAMILY[dtype.kind] not in row.families:
        takes = " and ".join(WORDS[f] for f in row.families)
        raise TileError(f"{row.what} takes {takes}, not {describe(x)}", builder.span, help=row.instead)


def divide(builder: Builder, row: Operator, x: object, y: object) -> Value:
    """``x / y``: integers become f32 first."""
    for side in (x, y):
        accept(builder, row, side)
    x, y = (float(s) if is_int(s) else s for s in (x, y))
    a, b = (cast(builder, s, f32) if dtype_of(s).is_integer else s for s in meet(builder, row.what, x, y))
    a, b = together(builder, row.what, a, b)
    return builder.add(ops.Div, a=a, b=b).result


def shift(builder: Builder, row: Operator, x: object, y: object) -> Value:
    """``x << y`` and ``x >> y``."""
    if is_int(y) and y < 0:
        raise TileError(f"a shift by {y} bits", builder.span, help="shift the other way by a positive number")
    return emit(builder, row, x, y)


def power(builder: Builder, row: Operator, x: object, y: object) -> Value:
    """``x ** 2`` and ``x ** 3``, as products."""
    if not is_int(y) or y not in (2, 3):
        half = "tv.sqrt(x) for x ** 0.5, " if y == 0.5 else ""
        raise TileError(
            f"`**` takes the exponents 2 and 3, not {describe(y)}",
            builder.span,
            help=f"{half}tv.exp2(y * tv.log2(x)) for x ** y where x > 0, tv.exp2(y) for 2 ** y",
        )
    square = emit(builder, MUL, x, x)
    return square if y == 2 else emit(builder, MUL, square, x)


def matmul(builder: Builder, row: Operator, x: object, y: object) -> Value:
    """``x @ y``: the matrix product."""
    return dot(builder, x, y)


SPECIAL: dict[str, Callable[[Builder, Operator, object, object], Value]] = {
    "/": divide,
    "<<": shift,
    ">>": shift,
    "**": power,
    "@": matmul,
}


def compare(builder: Builder, row: Operator, x: object, y: object) -> object:
    """``x sign y`` where the sign is a comparison."""
    if is_static(x) and is_static(y):
        return compare_static(builder, row, x, y)
    for side in (x, y):
        if isinstance(side, tuple):
            raise TileError(f"{row.what} on a tuple with run-time parts", builder.span, help="compare part by part")
        if side is None:
            raise TileError(f"{row.what} with None", builder.span, help="write `is None` or `is not None`")
    return emit(builder, row, x, y)


def compare_static(builder: Builder, row: Operator, x: object, y: object) -> bool:
    refusal = TileError(
        f"{row.what} does not compare {describe(x)} with {describe(y)}",
        builder.span,
        help="compare numbers, or tuples and lists of one kind part by part",
    )
    mixed = isinstance(x, tuple) and isinstance(y, tuple) and isinstance(x, List) is not isinstance(y, List)
    odd = any(isinstance(side, Range | Stream) for side in (x, y))
    if odd or (mixed and row.sign not in ("==", "!=")):
        raise refusal
    try:
        return bool(row.python(x, y))
    except TypeError:
        raise refusal from None


def negative(builder: Builder, x: object) -> object:
    """``-x``."""
    if is_number(x):
        return -x
    accept(builder, SUB, x)
    return builder.add(ops.Neg, x=runtime(builder, x, "`-`")).result


def positive(builder: Builder, x: object) -> object:
    """``+x``."""
    if is_number(x):
        return +x
    accept(builder, ADD, x)
    return x


def inverse(builder: Builder, x: object) -> object:
    """``~x``: every bit flipped; of a bool, its opposite."""
    if isinstance(x, bool):
        return not x
    if is_int(x):
        return ~x
    accept(builder, Operator("~", operator.xor, ops.Xor, "ib"), x)
    return builder.add(ops.Not, x=runtime(builder, x, "`~`")).result


UNARY: dict[type[ast.unaryop], Callable[[Builder, object], object]] = {
    ast.USub: negative,
    ast.UAdd: positive,
    ast.Invert: inverse,
}
