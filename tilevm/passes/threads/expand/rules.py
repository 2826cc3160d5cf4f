"""Which instructions no machine computes well enough as they stand, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tilevm.ir import Func, Op, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite
from tilevm.passes.threads.expand import double, single
from tilevm.passes.threads.expand.lanes import Lanes, dtype_of
from tilevm.passes.threads.expand.orders import ordered
from tilevm.passes.threads.expand.small import NEAREST, Rounding, decode, encode, to_whole
from tilevm.passes.threads.expand.words import by_words
from tilevm.target import Target
from tilevm.types import DType, bf16, f16, f32, f64, i64, tf32, u64

Function = Callable[[Lanes, Value], Value]
WIDE = (f64, f32, tf32, f16, bf16)  # floats that every machine converts among each other, to nearest and toward zero
SINGLE: dict[type[Op], Function] = {
    ops.Exp: single.exp,
    ops.Log: single.log,
    ops.Log2: single.log2,
    ops.Tanh: single.tanh,
    ops.Sigmoid: single.sigmoid,
    ops.Erf: single.erf,
}
DOUBLE: dict[type[Op], Function] = {
    ops.Exp: double.exp,
    ops.Exp2: double.exp2,
    ops.Log: double.log,
    ops.Log2: double.log2,
    ops.Tanh: double.tanh,
    ops.Sigmoid: double.sigmoid,
    ops.Erf: double.erf,
}


def expand(func: Func, target: Target) -> Func:
    """``func`` without functions that machines have no instruction for, and without casts that ``target`` has not.

    They become fused multiply-adds, ``exp2`` of f32, integer arithmetic and views of bits, alike on every machine.
    """

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if isinstance(op, ops.FloatUnary):
            return function(op, builder)
        return cast(op, builder, target) if isinstance(op, ops.Cast) else None

    return rewrite(ordered(func), rule)


def function(op: ops.FloatUnary, builder: Builder) -> Sequence[Value] | None:
    """A function spelled out; narrower floats than f32 compute in it and round once."""
    dtype = dtype_of(op.x)
    found = (DOUBLE if dtype == f64 else SINGLE).get(type(op))
    if found is None:
        return None
    made = found(Lanes(builder, op.x), builder.cast(op.x, f64 if dtype == f64 else f32))
    return [builder.cast(made, dtype)]


def cast(op: ops.Cast, builder: Builder, target: Target) -> Sequence[Value] | None:
    """A cast spelled out: packed codes two at a time, though the machine may have it; else what the machine lacks."""
    alone = has(op, target)
    if not (alone and is_small(dtype_of(op.x))):
        found = by_words(op, builder)
        if found is not None:
            return [found]
    return None if alone else [convert(Lanes(builder, op.x), op)]


def is_small(dtype: DType) -> bool:
    return dtype.is_float and dtype not in WIDE


def has(op: ops.Cast, target: Target) -> bool:
    """Whether a machine has the conversion."""
    source = dtype_of(op.x)
    if op.rounding == "stochastic" or (op.rounding == "toward_zero" and op.to == tf32):
        return False
    if is_small(op.to):
        fits = op.saturate and op.rounding in NEAREST and source in (f32, f16, bf16)
        return fits and op.to in target.small_floats
    return not is_small(source) or source in target.small_floats


def convert(e: Lanes, op: ops.Cast) -> Value:
    """A cast by integer arithmetic, of what the machine cannot do of it."""
    if dtype_of(op.x) == op.to:
        return op.x
    x = decode(e, op.x) if is_small(dtype_of(op.x)) else op.x
    if op.to.is_float and op.to != f64 and (is_small(op.to) or op.rounding not in NEAREST):
        return encode(e, wide(e, x), op.to, Rounding(op.rounding, op.saturate, op.random))
    if op.to.is_integer and op.random is not None:
        x = to_whole(e, x, op.random)
    return plain(e, x, op)


def plain(e: Lanes, x: Value, op: ops.Cast) -> Value:
    """A cast that every machine has, of a number that it may be made of already."""
    if dtype_of(x) == op.to:
        return e.held(x, float(op.to.min), float(op.to.max)) if op.saturate else x
    rounding = op.rounding if op.rounding == "nearest_even" else "natural"
    return e.builder.add(ops.Cast, x=x, to=op.to, saturate=op.saturate, rounding=rounding, random=None).result


def wide(e: Lanes, x: Value) -> Value:
    """A number as f32 or f64, without loss but for integers of more than 53 bits, which round to odd."""
    dtype = dtype_of(x)
    if dtype in (f32, f64):
        return x
    if dtype.is_float or dtype.is_bool or dtype.bits - dtype.signed <= f32.mantissa_bits + 1:
        return e.cast(x, f32)
    return e.cast(x, f64) if dtype.bits - dtype.signed <= f64.mantissa_bits + 1 else to_odd(e, x)


def to_odd(e: Lanes, x: Value) -> Value:
    """Integers of up to 64 bits as f64; where that has too few bits, the last that it keeps tells of those it drops."""
    if dtype_of(x).signed:
        return e.cast(sticky(e, e.cast(x, i64)), f64)
    whole = e.view(e.cast(x, u64), i64)
    low = e.both(whole, 1)
    half = e.either(e.both(e.right(whole, 1), int(i64.max)), low)  # the top bit would read as a sign
    halved = e.cast(sticky(e, half), f64)
    return e.choose(e.below(whole, 0), e.add(halved, halved), e.cast(sticky(e, whole), f64))


def sticky(e: Lanes, x: Value) -> Value:
    """An i64 with bits below the 53 that f64 holds gathered into one, where it is that large."""
    low = e.both(x, 0x7FF)
    mark = e.choose(e.compare(ops.Ne, low, 0), 0x800, e.like(x, 0))
    top = e.right(x, 53)
    small = e.either(e.equal(top, 0), e.equal(top, -1))
    return e.choose(small, x, e.either(e.both(x, -0x800), mark))
