"""Sums of rows that a product takes too, made by the matrix unit: a product with ones.

The result lies where the product's does, so nothing goes from thread to thread, and no thread waits for others.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from tilevm.ir import Func, Op, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite, walk
from tilevm.passes.cse import share
from tilevm.passes.dce import drop_unused
from tilevm.passes.layouts.products import tile_of
from tilevm.target import Target
from tilevm.types import f32

FEW = 16  # rows of one instruction: with more of them products are what a program's time goes to


def sum_rows(func: Func, target: Target) -> Func:
    """``func`` with sums over the rows of a product's left operand, spread over its columns, as products with ones."""
    products = {
        (op.a, tile_of(op.result).shape)
        for op in walk(func.body)
        if isinstance(op, ops.Dot) and tile_of(op.a).shape[0] <= FEW and multiplies(op, target)
    }
    found = rewrite(func, lambda op, builder: with_ones(op, builder, products)) if products else func
    return func if found is func else drop_unused(found)  # the sums would still ask for layouts


def multiplies(op: ops.Dot, target: Target) -> bool:
    """Whether the machine has an instruction for a product that adds up in f32 as sums do."""
    given, into = tile_of(op.a).dtype, tile_of(op.acc).dtype
    return into == f32 and given.bits == 16 and bool(target.atoms_for(given, given, into))


def with_ones(op: Op, builder: Builder, products: Container[tuple[Value, tuple[int, ...]]]) -> Sequence[Value] | None:
    """An instruction as a product, where it spreads such sums.

    The one is 1 * 1, as ``fold`` leaves it in no kernel: a product with ones that is a kernel's own is told by that.
    """
    a = rows_of(op)
    if a is None or (a, tile_of(op.results[0]).shape) not in products:
        return None
    (_, count), (rows, columns) = tile_of(a).shape, tile_of(op.results[0]).shape
    one, none = builder.constant(1.0, tile_of(a).dtype), builder.constant(0.0, f32)
    own = builder.add(ops.Mul, a=one, b=one).result
    ones = builder.add(ops.Splat, x=own, shape=(count, columns)).result
    start = builder.add(ops.Splat, x=none, shape=(rows, columns)).result
    return [builder.add(ops.Dot, a=a, b=ones, acc=start, precision="ieee").result]


def rows_of(op: Op) -> Value | None:
    """The tile whose sums of rows, in f32, an instruction spreads over columns; None of another one."""
    column = op.x.owner if isinstance(op, ops.Broadcast) else None
    found = column.x.owner if isinstance(column, ops.Reshape) else None
    wide = found.x.owner if isinstance(found, ops.Sum) and found.axis == 1 else None
    if not isinstance(column, ops.Reshape) or not isinstance(wide, ops.Cast) or tile_of(wide.result).dtype != f32:
        return None
    shape = tile_of(wide.x).shape
    return wide.x if len(shape) == 2 and column.shape == (shape[0], 1) else None


def by_adding(func: Func) -> Func:
    """Every product with ones that :func:`sum_rows` made as sums of rows again."""

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if not isinstance(op, ops.Dot) or not made_here(op.b):
            return None
        total = builder.add(ops.Sum, x=builder.cast(op.a, f32), axis=1).result
        column = builder.add(ops.Reshape, x=total, shape=(tile_of(op.a).shape[0], 1)).result
        return [builder.add(ops.Broadcast, x=column, shape=tile_of(op.result).shape).result]

    found = rewrite(func, rule)
    return func if found is func else drop_unused(share(found))


def made_here(ones: Value) -> bool:
    """Whether a tile is that of ones of :func:`with_ones`."""
    product = ones.owner.x.owner if isinstance(ones.owner, ops.Splat) else None
    one = product.a.owner if isinstance(product, ops.Mul) and product.a is product.b else None
    return isinstance(one, ops.Constant) and one.value == 1.0
