"""Products with narrow codes, their terms in the order in which threads hold the codes.

A matrix instruction wants two neighbours of K from each of four threads, then the next two from each. Memory gives a
thread many neighbours at once; codes are narrow, so as many as fill a vector are most of a row. But which terms of a
sum of products come first is free: with both operands regrouped alike, what a thread loads is what the instruction
takes of it, and no code goes through shared memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Func, Op, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite, walk
from tilevm.passes.layouts.products import tile_of
from tilevm.target import Target

LANES, STEP = 32, 16  # of the instructions that take fragments like this, and their K
THREADS, HALVES, PAIR = 4, 2, 2  # of a row of a fragment: threads, and the parts of K and neighbours that each has
WIDE = 16  # bits of the operands of these instructions
FEWEST = 8  # neighbours that a thread holds
MOST = 32  # rows of the other operand: its words are put in order for each instruction, which more would pay for
BEFORE = (ops.Reshape, ops.Permute, ops.Convert)  # what only looks at a tile otherwise


def regroup(func: Func, target: Target) -> Func:
    """``func`` with K of every product of 16 bits regrouped whose one operand is made of narrower codes, and of those
    that take the same tile.

    Index ``32 t + 4 s + 2 h + e`` of 128, say, becomes ``16 s + 8 h + 2 t + e``.
    """
    beside = {found for op in walk(func.body) if isinstance(op, ops.Dot) and (found := beside_codes(op)) is not None}

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if not isinstance(op, ops.Dot) or grouped(op.a, 1) is not None or beside.isdisjoint((op.a, op.b)):
            return None
        count, bits = tile_of(op.a).shape[1], tile_of(op.a).dtype.bits
        if bits != WIDE or count % STEP or count < THREADS * FEWEST:
            return None
        dtype = tile_of(op.a).dtype
        known = target.atoms_for(dtype, dtype, tile_of(op.acc).dtype)
        if not any((atom.threads, atom.k) == (LANES, STEP) for atom in known):
            return None
        a, b = (turned(builder, value, axis) for value, axis in ((op.a, 1), (op.b, 0)))
        return [builder.add(ops.Dot, a=a, b=b, acc=op.acc, precision=op.precision).result]

    return rewrite(func, rule)


def in_order(func: Func) -> Func:
    """Every product with its terms in the order of before :func:`regroup`."""

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if not isinstance(op, ops.Dot):
            return None
        a, b = grouped(op.a, 1), grouped(op.b, 0)
        if a is None or b is None:
            return None
        return [builder.add(ops.Dot, a=a, b=b, acc=op.acc, precision=op.precision).result]

    return rewrite(func, rule)


def beside_codes(op: ops.Dot) -> Value | None:
    """The operand of a product with codes that is none, where it has few rows."""
    if narrow(op.b):
        return op.a if tile_of(op.a).shape[0] <= MOST else None
    return op.b if narrow(op.a) and tile_of(op.b).shape[1] <= MOST else None


def narrow(value: Value) -> bool:
    """Whether a tile is made of codes of fewer bits that were loaded, by a conversion of each alone."""
    made = value.owner
    while isinstance(made, BEFORE):
        made = made.x.owner
    return isinstance(made, ops.Cast) and tile_of(made.x).dtype.bits < WIDE and loaded(made.x)


def loaded(value: Value) -> bool:
    made = value.owner
    while isinstance(made, BEFORE):
        made = made.x.owner
    return isinstance(made, ops.Load)


def turned(builder: Builder, value: Value, axis: int) -> Value:
    """A tile with an axis regrouped."""
    shape = tile_of(value).shape
    split, order = regrouped(shape, axis)
    parts = builder.add(ops.Reshape, x=value, shape=split).result
    moved = builder.add(ops.Permute, x=parts, dims=order).result
    return builder.add(ops.Reshape, x=moved, shape=shape).result


def grouped(value: Value, axis: int) -> Value | None:
    """What :func:`turned` was given; None of another value."""
    outer = value.owner
    moved = outer.x.owner if isinstance(outer, ops.Reshape) else None
    parts = moved.x.owner if isinstance(moved, ops.Permute) else None
    if not isinstance(moved, ops.Permute) or not isinstance(parts, ops.Reshape):
        return None
    given = tile_of(parts.x).shape
    looks = given == tile_of(value).shape and given[axis] % STEP == 0
    split, order = regrouped(given, axis)
    return parts.x if looks and (parts.shape, moved.dims) == (split, order) else None


def regrouped(shape: tuple[int, ...], axis: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape in which an axis of a tile is taken apart, and the order of its dimensions afterwards."""
    split = (*shape[:axis], THREADS, shape[axis] // STEP, HALVES, PAIR, *shape[axis + 1 :])
    moved = (axis + 1, axis + 2, axis, axis + 3)
    return split, (*range(axis), *moved, *range(axis + len(moved), len(split)))
