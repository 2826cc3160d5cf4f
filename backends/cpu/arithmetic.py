"""Elementwise instructions in LLVM, on scalars and vectors alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tilevm.ir import Op, Table, ops
from tilevm.types import DType, Kind, Scalar, Tile, bf16
from tilevm.types.codec import encode
from tilevm.types.rounding import nearest_float

from . import functions
from .casts import cast, code_of, narrow, number_of, widen
from .emit import LLVM, Emitter, lanes_of, register_type, vector_of
from .small import is_small

rules: Table[[Emitter, DType, Sequence[LLVM]], LLVM] = Table("LLVM for one element")


def compute(op: Op, e: Emitter, xs: Sequence[LLVM]) -> LLVM:
    """The element of ``op``'s result made from elements of its operands.

    16-bit floats compute in f32 and round once: for + - * / and sqrt that equals rounding the exact result, as
    24 >= 2 * 11 + 2 bits (Figueroa, "When is double rounding innocuous?", 1995).
    """
    source = dtype_of(op)
    if isinstance(op, ops.Cast):
        return cast(op, e, xs, source)
    if isinstance(op, ops.View):
        return number_of(e, code_of(e, xs[0], source), op.to)
    if isinstance(op, ops.Select):
        return e.b.select(*xs)
    found = rules(op, e, source, [widen(e, x, source) for x in xs])
    return found if isinstance(op, ops.Compare) else narrow(e, found, source)


def dtype_of(op: Op) -> DType:
    """The dtype an elementwise instruction works in."""
    kind = (op.x if isinstance(op, ops.Cast) else op.operands[-1]).type
    assert isinstance(kind, Scalar | Tile)
    return kind.dtype


def constant(e: Emitter, value: int | float | bool, dtype: DType) -> LLVM:
    """A scalar constant in its register form."""
    kind = register_type(dtype)
    if not dtype.is_float:
        return e.number(kind, int(value))
    if dtype == bf16 or is_small(dtype):
        return e.number(kind, int(encode(value, dtype, saturate=False)))
    return e.number(kind, nearest_float(float(value), dtype))


Binary = Callable[[Any, LLVM, LLVM], LLVM]
FLOAT_BINARY: dict[type[Op], Binary] = {
    ops.Add: lambda b, x, y: b.fadd(x, y),
    ops.Sub: lambda b, x, y: b.fsub(x, y),
    ops.Mul: lambda b, x, y: b.fmul(x, y),
    ops.Div: lambda b, x, y: b.fdiv(x, y),
}
INT_BINARY: dict[type[Op], Binary] = {
    ops.Add: lambda b, x, y: b.add(x, y),
    ops.Sub: lambda b, x, y: b.sub(x, y),
    ops.Mul: lambda b, x, y: b.mul(x, y),
    ops.And: lambda b, x, y: b.and_(x, y),
    ops.Or: lambda b, x, y: b.or_(x, y),
    ops.Xor: lambda b, x, y: b.xor(x, y),
}
ORDER = {ops.Eq: "==", ops.Ne: "!=", ops.Lt: "<", ops.Le: "<=", ops.Gt: ">", ops.Ge: ">="}


@rules.rule(ops.Binary)
def _(op: ops.Binary, e: Emitter, dtype: DType, xs: Sequence[LLVM]) -> LLVM:
    table = FLOAT_BINARY if dtype.is_float else INT_BINARY
    return table[type(op)](e.b, xs[0], xs[1])


@rules.rule(ops.Compare)
def _(op: ops.Compare, e: Emitter, dtype: DType, xs: Sequence[LLVM]) -> LLVM:
    order = ORDER[type(op)]
    if dtype.is_float:
        compare = e.b.fcmp_unordered if order == "!=" else e.b.fcmp_ordered
    else:
        compare = e.b.icmp_signed if dtype.kind is Kind.SIGNED else e.b.icmp_unsigned
    return compare(order, xs[0], xs[1])


def pick(e: Emitter, dtype: DType, order: str, x: LLVM, y: LLVM) -> LLVM:
    """``x`` where ``x order y``, else ``y``: ``y`` too where either is NaN."""
    if dtype.is_float:
        return e.b.select(e.b.fcmp_ordered(order, x, y), x, y)
    compare = e.b.icmp_signed if dtype.kind is Kind.SIGNED else e.b.icmp_unsigned
    return e.b.select(compare(order, x, y), x, y)


@rules.rule(ops.Minimum, ops.Maximum)
def _(op: ops.Binary, e: Emitter, dtype: DType, xs: Sequence[LLVM]) -> LLVM:
    return greater_or_less(e, dtype, "<" if isinstance(op, ops.Minimum) else ">", *xs)


def greater_or_less(e: Emitter, dtype: DType, order: str, x: LLVM, y: LLVM) -> LLVM:
    """``x`` where ``x order y``, else ``y``; the other one where one is NaN."""
    found = pick(e, dtype, order, x, y)
    return e.b.select(e.b.fcmp_unordered("uno", y, y), x, found) if dtype.is_float else found


def divisor(e: Emitter, dtype: DType, x: LLVM, y: LLVM) -> tuple[LLVM, LLVM, LLVM]:
    """``y`` made safe to divide by, and where it was 0, and where it was -1 (which would trap for MIN)."""
    zero = e.b.icmp_signed("==", y, e.like(y, 0))
    minus = e.b.icmp_signed("==", y, e.like(y, -1)) if dtype.kind is Kind.SIGNED else e.b.and_(zero, e.like(zero, 0))
    return e.b.select(e.b.or_(zero, minus), e.like(y, 1), y), zero, minus


@rules.rule(ops.FloorDiv)
def _(op: ops.FloorDiv, e: Emitter, dtype: DType, xs: Sequence[LLVM]) -> LLVM:
    x, y = xs
    if dtype.is_float:
        return e.intrinsic("floor", widen(e, narrow(e, e.b.fdiv(x, y), dtype), dtype))  # of the rounded quotient
    safe, zero, minus = divisor(e, dtype, x, y)
    if dtype.kind is Kind.UNSIGNED:
        return e.b.select(zero, e.like(x, 0), e.b.udiv(x, safe))
    quotient = e.b.sdiv(x, safe)
    rest = e.b.sub(x, e.b.mul(quotient, safe))
    found = e.b.sub(quotient, e.b.zext(opposed(e, rest, safe), quotient.type))
    found = e.b.select(minus, e.b.sub(e.like(x, 0), x), found)
    return e.b.select(zero, e.like(x, 0), found)


@rules.rule(ops.Mod)
def _(op: ops.Mod, e: Emitter, dtype: DType, xs: Sequence[LLVM]) -> LLVM:
    x, y = xs
    if dtype.is_float:
        rest = e.b.frem(x, y)
        signs = e.b.xor(e.b.fcmp_ordered("<", rest, e.like(x, 0.0)), e.b.fcmp_ordered("<", y, e.like(y, 0.0)))
        wrong = e.b.and_(signs, e.b.fcmp_unordered("!=", rest, e.like(x, 0.0)))
        return e.b.select(wrong, e.b.fadd(rest, y), rest)
    safe, zero, minus = divisor(e, dtype, x, y)
    if dtype.kind is Kind.UNSIGNED:
        return e.b.select(zero, x, e.b.urem(x, safe))
    rest = e.b.srem(x, safe)
    found = e.b.select(opposed(e, rest, safe), e.b.add(rest, safe), rest)
    return e.b.select(zero, x, e.b.select(minus, e.like(x, 0), found))


def opposed(e: Emitter, rest: LLVM, divisor: LLVM) -> LLVM:
    """Whether a remainder is not 0 and of the other sign than its divisor."""
    signs = e.b.icmp_signed("<", e.b.xor(rest, divisor), e.like(rest, 0))
    return e.b.and_(signs, e.b.icmp_signed("!=", rest, e.like(rest, 0)))


@rules.rule(ops.Shl, ops.Shr)
def _(op: ops.Binary, e: Emitter, dtype: DType, xs: Sequence[LLVM]) -> LLVM:
    x, y = xs
    far = e.b.icmp_unsigned(">=", y, e.like(y, dtype.bits))
    near = e.b.select(far, e.like(y, 0), y)
    if isinstance(op, ops.Shl):
        return e.b.select(far, e.like(x, 0), e.b.shl(x, near))
    if dtype.kind is Kind.UNSIGNED:
        return e.b.select(far, e.like(x, 0), e.b.lshr(x, near))
    return e.b.ashr(x, e.b.select(far, e.like(y, dtype.bits - 1), y))


@rules.rule(ops.Neg)
def _(op: ops.Neg, e: Emitter, dtype: DType, xs: Sequence[LLVM]) -> LLVM:
    return e.b.fneg(xs[0]) if dtype.is_float else e.b.sub(e.like(xs[0], 0), xs[0])


@rules.rule(ops.Abs)
def _(op: ops.Abs, e: Emitter, dtype: DType, xs: Sequence[LLVM]) -> LLVM:
    (x,) = xs
    if dtype.is_float:
        return e.intrinsic("fabs", x)
    negative = e.b.icmp_signed("<", x, e.like(x, 0))
    return x if dtype.kind is Kind.UNSIGNED else e.b.select(negative, e.b.sub(e.like(x, 0), x), x)


@rules.rule(ops.Not)
def _(op: ops.Not, e: Emitter, dtype: DType, xs: Sequence[LLVM]) -> LLVM:
    return e.b.xor(xs[0], e.like(xs[0], -1))


@rules.rule(ops.Fma)
def _(op: ops.Fma, e: Emitter, dtype: DType, xs: Sequence[LLVM]) -> LLVM:
    return e.fma(*xs)


@rules.rule(ops.FloatUnary)
def _(op: ops.FloatUnary, e: Emitter, dtype: DType, xs: Sequence[LLVM]) -> LLVM:
    return functions.apply(e, op.name, xs[0])


NEUTRAL: dict[type[Op], Callable[[DType], Any]] = {
    ops.Sum: lambda t: 0.0 if t.is_float else 0,  # so nothing but -0.0 sums to 0.0, as on the reference machine
    ops.Max: lambda t: float("-inf") if t.is_float else int(t.min),
    ops.Min: lambda t: float("inf") if t.is_float else int(t.max),
    ops.Any: lambda t: 0,
    ops.All: lambda t: 1,
}


def combine(op: ops.Reduce, e: Emitter, dtype: DType, total: LLVM, x: LLVM) -> LLVM:
    """``x`` taken into ``total``; a NaN in ``x`` is passed over by max and min."""
    if isinstance(op, ops.Max | ops.Min):
        return pick(e, dtype, ">" if isinstance(op, ops.Max) else "<", x, total)
    if isinstance(op, ops.Sum):
        return e.b.fadd(total, x) if dtype.is_float else e.b.add(total, x)
    return e.b.or_(total, x) if isinstance(op, ops.Any) else e.b.and_(total, x)


def across(op: ops.Reduce, e: Emitter, dtype: DType, x: LLVM) -> LLVM:
    """The lanes of a vector combined in a fixed tree: halves onto each other."""
    lanes = lanes_of(x)
    while lanes > 1:
        lanes //= 2
        mask = vector_of(register_type(DType("i32", 32, Kind.SIGNED)), lanes)
        low, high = (
            e.b.shuffle_vector(x, e.undefined(x.type), e.constant_vector(mask, range(start, start + lanes)))
            for start in (0, lanes)
        )
        x = combine(op, e, dtype, low, high)
    return e.b.extract_element(x, e.index(0)) if lanes_of(x) else x
