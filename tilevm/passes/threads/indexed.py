"""Lowering of accesses at computed places: gather and scatter, pointers, atomics."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Value, ops, threads
from tilevm.passes.threads import shared
from tilevm.passes.threads.globals import coded, decoded, inside, scaled, unit_of
from tilevm.passes.threads.lowering import Lowering, dtype_of, lower
from tilevm.passes.threads.numbers import shape_of
from tilevm.passes.threads.reach import offset_type
from tilevm.types import DType, Pointer, Scalar, Tensor, Tile, i32, i64


@lower.rule(ops.Gather, ops.PointerLoad)
def _(op: ops.Gather | ops.PointerLoad, low: Lowering) -> Sequence[Value]:
    memory, indices = (op.tensor, op.indices) if isinstance(op, ops.Gather) else (op.pointer, (op.offsets,))
    dtype = dtype_of(op.result)
    unit = unit_of(dtype)
    count = registers_of(low, op.result)
    mask = within(low, memory, indices, op.mask, count)
    other = None if op.other is None else coded(low, low[op.other], unit)
    number = other if other is not None and isinstance(other.type, Scalar) else None
    found = low.add(
        threads.GlobalLoad,
        memory=memory,
        offsets=places(low, memory, indices, count),
        mask=mask,
        other=number,
        of=None if unit == dtype else unit,
    )
    if other is not None and number is None and mask is not None:
        found = low.add(ops.Select, condition=mask, a=found, b=other)
    return [as_result(low, op.result, decoded(low, found, dtype))]


@lower.rule(ops.Scatter, ops.PointerStore)
def _(op: ops.Scatter | ops.PointerStore, low: Lowering) -> Sequence[Value]:
    memory, indices = (op.tensor, op.indices) if isinstance(op, ops.Scatter) else (op.pointer, (op.offsets,))
    dtype = dtype_of(op.value)
    unit = unit_of(dtype)
    count = registers_of(low, op.value)
    low.do(
        threads.GlobalStore,
        memory=memory,
        value=low.splat(coded(low, low[op.value], unit), count),
        offsets=places(low, memory, indices, count),
        mask=once(low, op.value, within(low, memory, indices, op.mask, count), count),
        of=None if unit == dtype else unit,
    )
    return ()


@lower.rule(ops.Atomic)
def _(op: ops.Atomic, low: Lowering) -> Sequence[Value]:
    count = registers_of(low, op.result)
    old = low.add(
        threads.GlobalAtomic,
        memory=op.memory,
        value=low.splat(low[op.value], count),
        offsets=places(low, op.memory, op.indices, count),
        mask=once(low, op.result, within(low, op.memory, op.indices, op.mask, count), count),
        change=op.change,
    )
    return [told_to_all(low, op.result, old)]


@lower.rule(ops.AtomicCas)
def _(op: ops.AtomicCas, low: Lowering) -> Sequence[Value]:
    count = registers_of(low, op.result)
    old = low.add(
        threads.GlobalAtomicCas,
        memory=op.memory,
        compare=low.splat(low[op.compare], count),
        value=low.splat(low[op.value], count),
        offsets=places(low, op.memory, op.indices, count),
        mask=once(low, op.result, within(low, op.memory, op.indices, op.mask, count), count),
    )
    return [told_to_all(low, op.result, old)]


def registers_of(low: Lowering, value: Value) -> int:
    """How many registers of a thread hold a number or a tile."""
    return low.layout(value).registers if isinstance(value.type, Tile) else 1


def as_result(low: Lowering, result: Value, x: Value) -> Value:
    """An array as what the instruction yields: a number, or an array."""
    return x if isinstance(result.type, Tile) else low.add(threads.Register, x=x, at=0)


def places(low: Lowering, memory: Value, indices: Sequence[Value], count: int) -> Value:
    """For each register the elements from the memory's element 0, in i32 where that reaches all that are inside."""
    kind = memory.type
    assert isinstance(kind, Tensor | Pointer)
    of = offset_type(kind)
    total: Value | None = None
    for axis, index in enumerate(indices):
        inside = isinstance(kind, Tensor)
        total = low.plus(total, scaled(low, memory, axis, low[index], of) if inside else low.cast(low[index], of))
    assert total is not None, "a tensor has a dim"
    return low.splat(total, count)


def within(low: Lowering, memory: Value, indices: Sequence[Value], mask: Value | None, count: int) -> Value | None:
    """Where the mask holds and every index is inside the tensor; None where all are."""
    found = None if mask is None else low[mask]
    if isinstance(memory.type, Tensor):
        for axis, (index, dim) in enumerate(zip(indices, memory.type.dims, strict=True)):
            of: DType = i64 if dim.wide or dtype_of(index).bits > 32 else i32
            found = low.all(found, inside(low, low.cast(low[index], of), memory, axis, dim, of))
    return None if found is None else low.splat(found, count)


def once(low: Lowering, value: Value, mask: Value | None, count: int) -> Value | None:
    """The mask of what happens once an element: not in replicas, not beyond the tile."""
    if not isinstance(value.type, Tile):
        first: Value | None = low.compare(ops.Eq, low.tid, low.number(0))
    else:
        at = low.places(value)
        first = low.all(low.first_copy(at), low.within(at, shape_of(value), range(count)))
    found = low.all(mask, first)
    return None if found is None else low.splat(found, count)


def told_to_all(low: Lowering, result: Value, old: Value) -> Value:
    """What one thread got of memory, for the threads that hold replicas too."""
    dtype = dtype_of(old)
    unit = unit_of(dtype)
    if isinstance(result.type, Tile):
        at = low.places(result)
        if not at.copies:
            return old
        memory = shared.row_major(at.layout.shape)
        region = shared.buffer(low, memory, unit, name="old")
        shared.write(low, region, coded(low, old, unit), at, at.layout.shape, 1)
        return decoded(low, shared.read(low, region, at, shape_of(result), 1), dtype)
    region = shared.buffer(low, shared.row_major((1,)), unit, name="old")
    place = low.numbers([0])
    mine = low.splat(low.compare(ops.Eq, low.tid, low.number(0)), 1)
    low.do(threads.SharedStore, buffer=region.buffer, value=coded(low, old, unit), offsets=place, mask=mine)
    got = decoded(low, low.add(threads.SharedLoad, buffer=region.buffer, offsets=place), dtype)
    return low.add(threads.Register, x=got, at=0)
