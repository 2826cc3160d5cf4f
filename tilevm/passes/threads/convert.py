"""Lowering of conversions between register layouts, by their plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilevm.ir import Value, ops, threads
from tilevm.layout import Layout, LayoutError, convert
from tilevm.layout.convert import Affine, Lanes, Nothing, Registers, Shared
from tilevm.layout.convert.plan import slot
from tilevm.passes.threads import coordinates, shared
from tilevm.passes.threads.globals import coded, decoded, unit_of
from tilevm.passes.threads.lowering import Lowering, dtype_of, lower
from tilevm.passes.threads.numbers import shape_of
from tilevm.types import DType, integer

LARGEST = 32 << 10  # bytes of shared memory that one conversion takes, where it can do with less


@lower.rule(ops.Convert)
def _(op: ops.Convert, low: Lowering) -> Sequence[Value]:
    return [converted(low, low[op.x], low.layout(op.x), low.layout(op.result), shape_of(op.x), op.x.hint)]


def converted(low: Lowering, x: Value, source: Layout, target: Layout, shape: tuple[int, ...], name: str = "") -> Value:
    """``x``, which lies in ``source``, as it lies in ``target``."""
    dtype = dtype_of(x)
    plan = convert(source, target, bits_of(dtype), low.room.lanes, low.room.banks, shape)
    if isinstance(plan, Nothing):
        return x
    if isinstance(plan, Registers):
        return low.take(x, plan.sources)
    if isinstance(plan, Lanes):
        return shuffled(low, x, plan, target.registers)
    halves = halved(source, target, shape) if plan.bytes > LARGEST else None
    if halves is not None:
        return in_halves(low, x, halves, name)
    return through_memory(low, x, plan, source, target, shape, name)


@dataclass(frozen=True)
class Half:
    """Half of a tile: its shape and layouts, and the registers of the whole that it is of, before and after."""

    shape: tuple[int, ...]
    source: Layout
    target: Layout
    before: tuple[int, ...]
    after: tuple[int, ...]


def halved(source: Layout, target: Layout, shape: tuple[int, ...]) -> tuple[Half, Half] | None:
    """A tile cut along a bit of its index that registers count both before and after: the highest there is."""
    if source.shape != shape or target.shape != shape:
        return None
    for dim, extent in enumerate(shape):
        weight = (extent & -extent) // 2
        while weight:
            found = [half(source, target, shape, dim, weight, side) for side in (0, 1)]
            if found[0] is not None and found[1] is not None:
                return found[0], found[1]
            weight //= 2
    return None


def half(source: Layout, target: Layout, shape: tuple[int, ...], dim: int, weight: int, side: int) -> Half | None:
    """What has ``side`` for the bit of ``weight`` along ``dim``; None where threads count it, or dims cannot be cut."""
    cut = (*shape[:dim], shape[dim] // (2 * weight), 2, weight, *shape[dim + 1 :])
    index = tuple(side if d == dim + 1 else None for d in range(len(cut)))
    try:
        parts = [layout.reshape(cut).slice(index)[0] for layout in (source, target)]
    except LayoutError:
        return None
    kept = []
    for layout, part in zip((source, target), parts, strict=True):
        at = coordinates.places(layout)
        own = tuple(r for r in range(layout.registers) if at.registers[dim][r] // weight % 2 == side)
        if len(own) != part.registers or len(own) == layout.registers or np.any(at.threads[dim] // weight % 2):
            return None
        kept.append(own)
    left = (*cut[: dim + 1], *cut[dim + 2 :])
    return Half(left, parts[0], parts[1], kept[0], kept[1])


def in_halves(low: Lowering, x: Value, halves: tuple[Half, Half], name: str) -> Value:
    """Each half by itself: what one needs of shared memory, the other can have after it."""
    made = [converted(low, low.take(x, h.before), h.source, h.target, h.shape, name) for h in halves]
    every = low.add(threads.Join, xs=tuple(made))
    order = [*halves[0].after, *halves[1].after]
    return low.take(every, tuple(map(int, np.argsort(np.array(order)))))


def bits_of(dtype: DType) -> int:
    return 8 if dtype.is_bool else dtype.bits


def shuffled(low: Lowering, x: Value, plan: Lanes, registers: int) -> Value:
    """Rounds of shuffles: each thread offers registers by its number, and puts what it gets by its number."""
    rounds = [received(low, x, plan, number) for number in range(len(plan.rounds))]
    for bit, column in enumerate(bit_columns(plan.rounds[0].put)):
        if column:
            flips = condition(low, Affine(column))
            rounds = [chosen(low, flips, rounds[k ^ 1 << bit], rounds[k]) for k in range(len(rounds))]
    every = low.add(threads.Join, xs=tuple(rounds)) if len(rounds) > 1 else rounds[0]
    where = {
        slot(k, plan.put_strides) + fresh: k * len(plan.copies) + copy
        for k in range(len(rounds))
        for copy, (_, fresh) in enumerate(plan.copies)
    }
    return low.take(every, [where[register] for register in range(registers)])


def received(low: Lowering, x: Value, plan: Lanes, number: int) -> Value:
    """What each thread gets in one round, a register for each of the plan's copies."""
    step = plan.rounds[number]
    count = 1 << len(plan.send_strides)
    sent = low.take(x, [slot(n, plan.send_strides) + kept for n in range(count) for kept, _ in plan.copies])
    columns = bit_columns(step.send)
    for bit in reversed(range(len(plan.send_strides))):
        half = (1 << bit) * len(plan.copies)
        low_half, high_half = (low.take(sent, range(start, start + half)) for start in (0, half))
        if columns[bit]:
            sent = chosen(low, condition(low, Affine(columns[bit], step.send.base >> bit & 1)), high_half, low_half)
        else:
            sent = high_half if step.send.base >> bit & 1 else low_half
    if not step.shuffles:
        return sent
    lane = low.of_thread(np.array([step.source(t) % low.room.lanes for t in range(low.room.threads)]), ())
    return low.add(threads.Shuffle, x=sent, lane=low.number(0) if lane is None else lane)


def bit_columns(map_: Affine) -> list[tuple[int, ...]]:
    """For each bit of the result, what each bit of the number flips of it; () for a bit that stays."""
    width = max((column.bit_length() for column in map_.columns), default=0)
    found = [tuple(column >> bit & 1 for column in map_.columns) for bit in range(max(width, 16))]
    return [column if any(column) else () for column in found]


def condition(low: Lowering, bit: Affine) -> Value:
    """A bit that the thread's number decides, as a bool."""
    table = np.array([bit(thread) for thread in range(low.room.threads)])
    found = low.of_thread(table, ())
    assert found is not None, "some thread has it set"
    return low.compare(ops.Ne, found, low.number(0))


def chosen(low: Lowering, condition_: Value, a: Value, b: Value) -> Value:
    """``a`` where the condition holds, else ``b``, register by register."""
    count = a.type.size  # type: ignore[union-attr]
    return low.add(ops.Select, condition=low.splat(condition_, count), a=a, b=b)


def through_memory(
    low: Lowering, x: Value, plan: Shared, source: Layout, target: Layout, shape: tuple[int, ...], name: str
) -> Value:
    """Written as one layout has it, read as the other."""
    dtype = dtype_of(x)
    unit = unit_of(dtype)
    if unit.bits != plan.container:
        unit = integer(plan.container, signed=False)
    before, after = coordinates.places(source), coordinates.places(target)
    reach = int(shared.offsets_of(after, plan.memory).max()) + 1
    region = shared.buffer(low, plan.memory, unit, reach, name)
    shared.write(low, region, coded(low, x, unit), before, shape, plan.write.width)
    return decoded(low, shared.read(low, region, after, shape, plan.read.width), dtype)
