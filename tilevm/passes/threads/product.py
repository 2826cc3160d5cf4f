"""Lowering of matrix products: by the machine's instruction, or number by number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilevm.ir import Block, Value, ops, threads
from tilevm.passes.layouts.products import Choice, choices
from tilevm.passes.layouts.verify import takes
from tilevm.passes.threads import shared
from tilevm.passes.threads.coordinates import Places
from tilevm.passes.threads.globals import coded, decoded, unit_of
from tilevm.passes.threads.lowering import Lowering, dtype_of, lower
from tilevm.passes.threads.numbers import shape_of
from tilevm.types import Scalar, i32

PAD = 1  # elements behind each row of operand a, so that rows begin in different banks


@lower.rule(ops.Dot)
def _(op: ops.Dot, low: Lowering) -> Sequence[Value]:
    way = next(way for way in choices(op, low.room) if takes(op, way))
    return [by_numbers(op, low) if way.atom is None else by_atom(op, low, way)]


def by_atom(op: ops.Dot, low: Lowering, way: Choice) -> Value:
    """One instruction for each piece of the warp's share, the fragments of which follow each other in registers."""
    assert way.atom is not None
    (m, k), n = shape_of(op.a), shape_of(op.b)[1]
    down, across = way.grid
    grid = (m // down // way.atom.m, n // across // way.atom.n, k // way.atom.k)
    return low.add(threads.Mma, a=low[op.a], b=low[op.b], acc=low[op.acc], atom=way.atom.name, grid=grid)


def by_numbers(op: ops.Dot, low: Lowering) -> Value:
    """Operands in shared memory; each thread adds up its rectangle, a step of k at a time."""
    at = low.places(op.acc)
    (m, k), n = shape_of(op.a), shape_of(op.b)[1]
    dtype, wide = dtype_of(op.a), dtype_of(op.acc)
    regions = []
    unit = unit_of(dtype)
    memories = shared.row_major((m, k), k + PAD), shared.row_major((k, n))
    for x, memory, most in zip((op.a, op.b), memories, reach(at, m, n, k), strict=True):
        region = shared.buffer(low, memory, unit, most, x.hint)
        shared.write(low, region, coded(low, low[x], unit), low.places(x), shape_of(x), 16 * 8 // unit.bits)
        regions.append(region)
    rows, columns = (np.unique(at.registers[dim]) for dim in (0, 1))
    index = Value(Scalar(i32), "k")
    acc = Value(low[op.acc].type, "acc")
    with low.builder.collect() as made:
        a = line(low, regions[0], low.index(at, 0), rows, k + PAD, index, 1)
        b = line(low, regions[1], low.index(at, 1), columns, 1, index, n)
        a, b = (
            low.take(
                low.cast(decoded(low, found, dtype), wide), [int(np.searchsorted(own, i)) for i in at.registers[dim]]
            )
            for dim, (found, own) in enumerate(((a, rows), (b, columns)))
        )
        total = added(low, a, b, acc)
        low.do(ops.Yield, values=(total,))
    body = Block((index, acc), tuple(made))
    bounds = [low.number(bound) for bound in (0, k, 1)]
    return low.add(
        ops.For, lower=bounds[0], upper=bounds[1], step=bounds[2], carried=(low[op.acc],), body=body, unroll=4
    )


def reach(at: Places, m: int, n: int, k: int) -> tuple[int, int]:
    """Elements of the buffers, also for rows and columns beyond the tile that some threads have."""
    row, column = (int(at.threads[d].max() + at.registers[d].max()) for d in (0, 1))
    return (max(row, m - 1) + 1) * (k + PAD), (k - 1) * n + max(column, n - 1) + 1


def line(
    low: Lowering, region: shared.Region, own: Value | None, registers: np.ndarray, pitch: int, k: Value, step: int
) -> Value:
    """One factor for each row, or column, that the thread has: element k of it."""
    place = low.numbers(registers * pitch)
    if own is not None:
        start = own if pitch == 1 else low.both(ops.Mul, own, low.number(pitch))
        place = low.both(ops.Add, place, start)
    along = k if step == 1 else low.both(ops.Mul, k, low.number(step))
    return low.add(threads.SharedLoad, buffer=region.buffer, offsets=low.both(ops.Add, place, along))


def added(low: Lowering, a: Value, b: Value, acc: Value) -> Value:
    """``a * b + acc``: rounded once for floats."""
    if dtype_of(acc).is_float:
        return low.add(ops.Fma, a=a, b=b, c=acc)
    return low.both(ops.Add, low.both(ops.Mul, a, b), acc)
