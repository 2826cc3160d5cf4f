"""Lowering of pieces of tiles: registers renamed where each thread has what it gives, else through shared memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilevm.ir import Value, ops, threads
from tilevm.layout import Layout
from tilevm.passes.threads import shared
from tilevm.passes.threads.coordinates import Places
from tilevm.passes.threads.globals import coded, decoded, unit_of
from tilevm.passes.threads.lowering import Lowering, dtype_of, lower
from tilevm.passes.threads.numbers import shape_of


@lower.rule(ops.Slice)
def _(op: ops.Slice, low: Lowering) -> Sequence[Value]:
    own = registers(low.places(op.x), low.places(op.result), op.starts)
    if own is not None:
        return [low.take(low[op.x], own)]
    memory = shared.row_major(shape_of(op.x))
    start, after = offset(memory, op.starts), low.places(op.result)
    region = kept(low, op.x, memory, start + most(after, memory))
    return [fetched(low, region, after, memory, start, op.result)]


def registers(whole: Places, part: Places, starts: Sequence[int]) -> list[int] | None:
    """For each register of a piece the one of the whole that has its element; None where other threads have some."""
    if not np.array_equal(whole.threads, part.threads):
        return None
    wanted = part.registers + np.reshape(starts, (-1, 1))
    known = {tuple(index): register for register, index in reversed(list(enumerate(whole.registers.T.tolist())))}
    found = [known.get(tuple(index)) for index in wanted.T.tolist()]
    return None if None in found else [register for register in found if register is not None]


@lower.rule(ops.Extract)
def _(op: ops.Extract, low: Lowering) -> Sequence[Value]:
    """From the first thread that holds it; alone where every thread does."""
    owners = low.layout(op.x).owners(op.at)
    if len({thread for thread, _ in owners}) == low.room.threads and len({register for _, register in owners}) == 1:
        return [low.add(threads.Register, x=low[op.x], at=owners[0][1])]
    dtype = dtype_of(op.x)
    unit = unit_of(dtype)
    thread, register = owners[0]
    region = shared.buffer(low, shared.row_major((1,)), unit, name=op.x.hint)
    mine = low.splat(low.compare(ops.Eq, low.tid, low.number(thread)), 1)
    place = low.numbers([0])
    value = coded(low, low.take(low[op.x], [register]), unit)
    low.do(threads.SharedStore, buffer=region.buffer, value=value, offsets=place, mask=mine)
    got = decoded(low, low.add(threads.SharedLoad, buffer=region.buffer, offsets=place), dtype)
    return [low.add(threads.Register, x=got, at=0)]


@lower.rule(ops.Concat)
def _(op: ops.Concat, low: Lowering) -> Sequence[Value]:
    own = joined(op, low)
    if own is not None:
        return [own]
    memory = shared.row_major(shape_of(op.result))
    unit = unit_of(dtype_of(op.result))
    after = low.places(op.result)
    region = shared.buffer(low, memory, unit, most(after, memory), op.result.hint)
    start = 0
    for x in op.xs:
        at = low.places(x)
        table = shared.offsets_of(at, memory) + start * shared.step(memory, op.axis)
        low.do(
            threads.SharedStore,
            buffer=region.buffer,
            value=coded(low, low[x], unit),
            offsets=shared.spoken(low, at, memory, table),
            mask=only(low, at, shape_of(x)),
        )
        start += shape_of(x)[op.axis]
    return [fetched(low, region, after, memory, 0, op.result)]


def joined(op: ops.Concat, low: Lowering) -> Value | None:
    """The registers of all tiles, in the order of the result; None where a thread lacks some."""
    after, start, count = low.places(op.result), [0] * len(shape_of(op.result)), 0
    held: dict[int, int] = {}  # register of the result → of all the operands' one after another
    for x in op.xs:
        own = registers(after, low.places(x), start)
        if own is None or low.places(x).exceeds(shape_of(x)):
            return None
        held.update((register, count + number) for number, register in enumerate(own))
        start[op.axis] += shape_of(x)[op.axis]
        count += len(own)
    if len(held) < after.layout.registers:
        return None
    return low.take(low.add(threads.Join, xs=tuple(low[x] for x in op.xs)), [held[r] for r in range(len(held))])


def only(low: Lowering, at: Places, shape: tuple[int, ...]) -> Value | None:
    """The mask of stores that write each element of a tile once."""
    count = at.layout.registers
    found = low.all(low.first_copy(at), low.within(at, shape, range(count)))
    return None if found is None else low.splat(found, count)


def kept(low: Lowering, x: Value, memory: Layout, reach: int) -> shared.Region:
    """A tile in a buffer of ``reach`` elements at least."""
    unit = unit_of(dtype_of(x))
    region = shared.buffer(low, memory, unit, reach, x.hint)
    shared.write(low, region, coded(low, low[x], unit), low.places(x), shape_of(x), 16 * 8 // unit.bits)
    return region


def fetched(low: Lowering, region: shared.Region, at: Places, memory: Layout, start: int, result: Value) -> Value:
    """The elements of a tile that begins at offset ``start``; 0 beyond it."""
    place = shared.spoken(low, at, memory, shared.offsets_of(at, memory) + start)
    found = low.add(threads.SharedLoad, buffer=region.buffer, offsets=place)
    return decoded(low, low.defined(found, at, shape_of(result)), dtype_of(result))


def most(at: Places, memory: Layout) -> int:
    """Elements that reading a tile may reach."""
    return int(shared.offsets_of(at, memory).max()) + 1


def offset(memory: Layout, index: Sequence[int]) -> int:
    """Where an element lies in row-major memory."""
    return sum(i * shared.step(memory, axis) for axis, i in enumerate(index))
