"""Products of scaled codes, as products of numbers; and those of few rows, whose codes meet scales as they are read.

With few rows of a each element of the result is a sum along the rows of both operands, as they lie. A machine that
makes them so scales the sum of each block: scales are no more numbers then than codes have blocks, and no code is
multiplied. ``scales`` leaves such products as they are, of numbers of 16 bits; ``unscale`` is for machines that do not.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Func, Op, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite
from tilevm.passes.layouts.products import tile_of
from tilevm.types import DType, bf16, f32
from tilevm.types.holding import holds, meeting

FEW = 4  # rows of a for which b is not rearranged
LANES, STEP = 16, 32  # of the widest vectors: sums that are made side by side, and codes that meet in one step


def scales(func: Func) -> Func:
    """``func`` with products of scaled codes as products of numbers, but for those of few rows."""

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if not isinstance(op, ops.DotScaled):
            return None
        to = by_rows(op)
        return multiplied(op, builder) if to is None else kept(op, builder, to)

    return rewrite(func, rule)


def unscale(func: Func) -> Func:
    """``func`` with every product of scaled codes as one of numbers."""

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        return multiplied(op, builder) if isinstance(op, ops.DotScaled) else None

    return rewrite(func, rule)


def by_rows(op: ops.DotScaled) -> DType | None:
    """The type of 16 bits in which a product of few rows adds up along rows as they lie; None of another product."""
    (m, k), n = tile_of(op.a).shape, tile_of(op.b).shape[1]
    counts = [tile_of(op.a_scale).shape[1]] if op.a_scale is not None else []
    counts += [tile_of(op.b_scale).shape[0]] if op.b_scale is not None else []
    turned = isinstance(op.b.owner, ops.Permute)
    if m > FEW or n % LANES or not turned or not counts or any(k % (STEP * count) for count in counts):
        return None
    return meeting(tile_of(op.a).dtype, tile_of(op.b).dtype)


def kept(op: ops.DotScaled, builder: Builder, to: DType) -> Sequence[Value] | None:
    """The product with factors of one type and scales in f32."""
    a, b = (cast(builder, v, to) for v in (op.a, op.b))
    left, right = (v and cast(builder, v, f32) for v in (op.a_scale, op.b_scale))
    if (a, b, left, right) == (op.a, op.b, op.a_scale, op.b_scale):
        return None
    return [builder.add(ops.DotScaled, a=a, a_scale=left, b=b, b_scale=right, acc=op.acc).result]


def cast(builder: Builder, x: Value, to: DType) -> Value:
    """A tile in another type; of one that is turned the numbers are converted before, as they lie."""
    turn = x.owner
    if tile_of(x).dtype == to or not isinstance(turn, ops.Permute):
        return builder.cast(x, to)
    return builder.add(ops.Permute, x=builder.cast(turn.x, to), dims=turn.dims).result


def multiplied(op: ops.DotScaled, builder: Builder) -> Sequence[Value]:
    """A product of scaled codes, in bf16 where that holds all of them, else in f32."""
    pairs = ((op.a, op.a_scale), (op.b, op.b_scale))
    to = bf16 if all(holds(bf16, *(origin(v) for v in pair if v is not None)) for pair in pairs) else f32
    a, b = scaled(builder, op.a, op.a_scale, 1, to), scaled(builder, op.b, op.b_scale, 0, to)
    return [builder.add(ops.Dot, a=a, b=b, acc=op.acc, precision="ieee").result]


def origin(value: Value) -> DType:
    """The type of the codes that numbers were made of, or their own."""
    op = value.owner
    while isinstance(op, ops.Permute | ops.Reshape):
        op = op.x.owner
    found = tile_of(op.x).dtype if isinstance(op, ops.Cast) else None
    mine = tile_of(value).dtype
    return found if found is not None and found.bits < mine.bits and holds(mine, found) else mine


def scaled(builder: Builder, codes: Value, scale: Value | None, axis: int, to: DType) -> Value:
    """Codes times the scale of their block along ``axis``, rounded to f32, which ``to`` holds."""
    if scale is None:
        return builder.cast(codes, to)
    kind, blocks = tile_of(codes), tile_of(scale)
    shape = [*blocks.shape[: axis + 1], 1, *blocks.shape[axis + 1 :]]
    column = builder.add(ops.Reshape, x=builder.cast(scale, f32), shape=tuple(shape)).result
    shape[axis + 1] = kind.shape[axis] // blocks.shape[axis]
    spread = builder.add(ops.Broadcast, x=column, shape=tuple(shape)).result
    factors = builder.add(ops.Reshape, x=spread, shape=kind.shape).result
    return builder.cast(builder.add(ops.Mul, a=builder.cast(codes, f32), b=factors).result, to)
