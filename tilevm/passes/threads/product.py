"""Lowering of matrix products: by the machine's instruction, or number by number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilevm.ir import Block, Value, ops, threads
from tilevm.passes.layouts.products import Choice, choices
from tilevm.passes.layouts.verify import takes
from tilevm.passes.threads import shared, stage
from tilevm.passes.threads.coordinates import Places
from tilevm.passes.threads.globals import coded, decoded, unit_of
from tilevm.passes.threads.lowering import Lowering, dtype_of, lower
from tilevm.passes.threads.numbers import shape_of
from tilevm.target import MmaAtom
from tilevm.types import Scalar, i32

WIDEST = 128  # bits that a thread reads at once
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
    columns = min(n, way.atom.n)
    grid = (m // down // way.atom.m, n // across // columns, k // way.atom.k)
    spread = repeated(way.atom, columns, grid[0] * grid[1])
    acc = low.take(low[op.acc], spread)
    result = low.add(threads.Mma, a=low[op.a], b=low[op.b], acc=acc, atom=way.atom.name, grid=grid)
    return low.take(result, [spread.index(register) for register in sorted(set(spread))])


def repeated(atom: MmaAtom, columns: int, count: int) -> list[int]:
    """For each slot of ``count`` accumulators the register that has its number, where columns beyond repeat others."""
    _, own = atom.narrowed(columns)
    held = {own.index_at(0, register): register for register in range(own.registers)}
    indices = [atom.c.index_at(0, slot) for slot in range(atom.c.registers)]
    slots = [held[index[0], index[1] % columns] for index in indices if index is not None]
    return [own.registers * number + slot for number in range(count) for slot in slots]


def by_numbers(op: ops.Dot, low: Lowering) -> Value:
    """Operands in shared memory; each thread adds up its rectangle, a step of k at a time."""
    at, dtype, wide = low.places(op.acc), dtype_of(op.a), dtype_of(op.acc)
    k = shape_of(op.a)[1]
    regions = operands(op, low, at)
    index = Value(Scalar(i32), "k")
    acc = Value(low[op.acc].type, "acc")
    with low.builder.collect() as made:
        a, b = (
            low.take(low.cast(decoded(low, line(low, regions[dim], at, dim, index), dtype), wide), which(at, dim))
            for dim in (0, 1)
        )
        total = added(low, a, b, acc)
        low.do(ops.Yield, values=(total,))
    body = Block((index, acc), tuple(made))
    bounds = [low.number(bound) for bound in (0, k, 1)]
    total = low.add(ops.For, lower=bounds[0], upper=bounds[1], step=bounds[2], carried=(low[op.acc],), body=body)
    return low.defined(total, at, shape_of(op.acc))


def operands(op: ops.Dot, low: Lowering, at: Places) -> list[shared.Region]:
    """Both operands in shared memory: where they were staged, if rows and columns lie evenly there, or written now."""
    (m, k), n = shape_of(op.a), shape_of(op.b)[1]
    unit = unit_of(dtype_of(op.a))
    memories = shared.row_major((m, k), k + PAD), shared.row_major((k, n))
    found = []
    for x, memory, most in zip((op.a, op.b), memories, reach(at, m, n, k), strict=True):
        staged = stage.region(low, x.owner) if isinstance(x.owner, ops.Staged) else None
        if staged is not None and shared.is_even(staged.memory) and not at.exceeds(shape_of(op.acc)):
            found.append(staged)
            continue
        region = shared.buffer(low, memory, unit, most, x.hint)
        shared.write(low, region, coded(low, low[x], unit), low.places(x), shape_of(x), 16 * 8 // unit.bits)
        found.append(region)
    return found


def reach(at: Places, m: int, n: int, k: int) -> tuple[int, int]:
    """Elements of the buffers, also for rows and columns beyond the tile that some threads have."""
    row, column = (int(at.threads[d].max() + at.registers[d].max()) for d in (0, 1))
    return (max(row, m - 1) + 1) * (k + PAD), (k - 1) * n + max(column, n - 1) + 1


def which(at: Places, dim: int) -> list[int]:
    """For each register of the result the one that holds its factor: rows, or columns, ascend."""
    own = np.unique(at.registers[dim])
    return [int(np.searchsorted(own, i)) for i in at.registers[dim]]


def line(low: Lowering, region: shared.Region, at: Places, dim: int, k: Value) -> Value:
    """One factor for each row (dim 0), or column (dim 1), that the thread has: element k of it."""
    own = np.unique(at.registers[dim])
    pitch, step = (shared.step(region.memory, d) for d in (dim, 1 - dim))
    width = 1
    while pitch == 1 and 2 * width * shared.bits_of(region) <= WIDEST and side_by_side(at, dim, own, 2 * width, step):
        width *= 2
    place = low.numbers(own[::width] * pitch)
    start = low.index(at, dim)
    if start is not None:
        place = low.both(ops.Add, place, start if pitch == 1 else low.both(ops.Mul, start, low.number(pitch)))
    along = k if step == 1 else low.both(ops.Mul, k, low.number(step))
    offsets = low.both(ops.Add, place, along)
    return low.add(threads.SharedLoad, buffer=region.buffer, offsets=offsets, slot=region.slot, width=width)


def side_by_side(at: Places, dim: int, own: np.ndarray, width: int, step: int) -> bool:
    """Whether the columns of every thread come in aligned runs of ``width``, and rows begin aligned."""
    if len(own) % width or step % width or any(digit.weight % width for digit in at.digits[dim]):
        return False
    runs = own.reshape(-1, width)
    return bool(np.all(runs[:, 0] % width == 0) and np.array_equal(runs, runs[:, :1] + np.arange(width)))


def added(low: Lowering, a: Value, b: Value, acc: Value) -> Value:
    """``a * b + acc``: rounded once for floats."""
    if dtype_of(acc).is_float:
        return low.add(ops.Fma, a=a, b=b, c=acc)
    return low.both(ops.Add, low.both(ops.Mul, a, b), acc)
