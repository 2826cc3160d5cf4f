"""Small numbers computed in wide ones: what backends then see of small types is moved, loaded, stored and cast.

A sum, difference, product, quotient or root of small floats that f32 makes and the small type rounds again is that of
the exact result: f32 has 24 >= 2 * 11 + 2 bits (Figueroa, "When is double rounding innocuous?", 1995). Integers compute
modulo a larger power of two, and wrap. What becomes of scaled codes stands in :mod:`.scales`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Func, Op, Table, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite
from tilevm.types import DType, Scalar, Tile, bf16, f32, f64, integer
from tilevm.types.holding import holds

NATIVE = ("f64", "f32", "tf32", "f16", "bf16")
rules: Table[[Builder], Sequence[Value]] = Table("an instruction on small numbers, in wide ones")


def carrier(dtype: DType) -> DType:
    """The type that numbers of ``dtype`` are computed in: it holds all of them exactly."""
    if dtype.is_bool or dtype.name in NATIVE:
        return dtype
    if dtype.is_float:
        return f32 if dtype.max <= f32.max and dtype.bias <= f32.bias else f64
    return integer(8 * dtype.numpy_bytes, dtype.signed)


def is_small(value: Value) -> bool:
    """Whether a number or tile is of a type that something wider carries."""
    kind = value.type
    return isinstance(kind, Scalar | Tile) and carrier(kind.dtype) != kind.dtype


def widen(func: Func) -> Func:
    """``func`` with arithmetic on integers and floats of few bits done in those of whole bytes, and in f32."""

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if type(op) not in rules or not any(map(is_small, (*op.operands, *op.results))):
            return None
        return rules(op, builder)

    return rewrite(func, rule)


def wide(builder: Builder, value: Value, to: DType | None = None) -> Value:
    """A value in its carrier, or in ``to``; itself where that is its type."""
    kind = value.type
    assert isinstance(kind, Scalar | Tile)
    return builder.cast(value, to or carrier(kind.dtype))


def small(builder: Builder, value: Value, like: Value) -> Value:
    """A computed value in the type that the instruction had."""
    kind = like.type
    assert isinstance(kind, Scalar | Tile)
    return wide(builder, value, kind.dtype)


@rules.rule(ops.Unary, ops.Binary, ops.Compare, ops.Reduce, ops.ArgReduce, ops.Sort, ops.Cumulative, ops.Philox)
def _(op: Op, builder: Builder) -> Sequence[Value]:
    made = builder.append(op.with_parts([wide(builder, v) for v in op.operands], op.regions))
    return [small(builder, new, old) for new, old in zip(made.results, op.results, strict=True)]


@rules.rule(ops.FloorDiv)
def _(op: ops.FloorDiv, builder: Builder) -> Sequence[Value]:
    """The quotient of floats is rounded before it is floored."""
    a, b = wide(builder, op.a), wide(builder, op.b)
    if not carrier_of(op.a).is_float:
        return [small(builder, builder.add(ops.FloorDiv, a=a, b=b).result, op.result)]
    quotient = small(builder, builder.add(ops.Div, a=a, b=b).result, op.result)
    return [small(builder, builder.add(ops.Floor, x=wide(builder, quotient)).result, op.result)]


def carrier_of(value: Value) -> DType:
    return carrier(dtype_of(value))


def dtype_of(value: Value) -> DType:
    assert isinstance(value.type, Scalar | Tile)
    return value.type.dtype


@rules.rule(ops.Dot)
def _(op: ops.Dot, builder: Builder) -> Sequence[Value]:
    """Factors in bf16 where that holds them, as machines multiply those faster; in f64 where f32 does not."""
    if not is_small(op.a):
        return [builder.append(op).result]
    kind = dtype_of(op.a)
    to = bf16 if kind.is_float and kind.max <= bf16.max and holds(bf16, kind) else carrier(kind)
    acc = wide(builder, op.acc, ops.accumulator(to))
    made = ops.Dot(a=wide(builder, op.a, to), b=wide(builder, op.b, to), acc=acc, precision=op.precision)
    return [small(builder, builder.append(made).result, op.result)]
