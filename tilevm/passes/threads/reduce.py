"""Lowering of reductions: registers first, then lanes, then warps through shared memory, each a fixed tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from tilevm.ir import Op, Value, ops, threads
from tilevm.passes.threads import coordinates, shared
from tilevm.passes.threads.coordinates import Digit, Places
from tilevm.passes.threads.globals import coded, decoded, unit_of
from tilevm.passes.threads.lowering import Lowering, dtype_of, lower
from tilevm.passes.threads.numbers import shape_of
from tilevm.types import DType, Tile, f32

Combine = Callable[[Lowering, list[Value], list[Value]], list[Value]]  # of several values at once, element by element

BINARY: dict[type[Op], type[ops.Binary]] = {
    ops.Sum: ops.Add,
    ops.Max: ops.Maximum,
    ops.Min: ops.Minimum,
    ops.Any: ops.Or,
    ops.All: ops.And,
}


@lower.rule(ops.Reduce)
def _(op: ops.Reduce, low: Lowering) -> Sequence[Value]:
    dtype, kind = dtype_of(op.x), BINARY[type(op)]
    x = low[op.x]
    if isinstance(op, ops.Sum) and dtype.is_float and dtype.bits < 32:
        x = low.cast(x, f32)
    start = neutral(op, dtype_of(x))
    (found,) = reduced(
        low, [x], [start], low.places(op.x), shape_of(op.x), op.axis, lambda low, a, b: [low.both(kind, a[0], b[0])]
    )
    if dtype.is_float:  # -0 + 0 is 0, and nothing but NaN has an extreme
        found = low.both(kind, low.full(start, dtype_of(x), found.type.size), found)  # type: ignore[union-attr]
    found = low.cast(found, dtype)
    return [found if isinstance(op.result.type, Tile) else low.add(threads.Register, x=found, at=0)]


def neutral(op: ops.Reduce, dtype: DType) -> int | float | bool:
    """What changes nothing."""
    if isinstance(op, ops.Any | ops.All):
        return isinstance(op, ops.All)
    if isinstance(op, ops.Sum):
        return 0
    return extreme(dtype, isinstance(op, ops.Min))


def extreme(dtype: DType, most: bool) -> int | float:
    """The largest number of a type, or the smallest."""
    if dtype.is_float and dtype.has_inf:
        return float("inf") if most else float("-inf")
    return dtype.max if most else dtype.min


def reduced(
    low: Lowering,
    xs: list[Value],
    start: Sequence[int | float | bool],
    at: Places,
    shape: tuple[int, ...],
    axis: int,
    combine: Combine,
) -> list[Value]:
    """Arrays of one layout, folded together along ``axis`` of a tile of ``shape``; as ``at.layout.reduce(axis)`` lies.

    ``start`` stands for elements beyond the tile.
    """
    if axis in at.exceeds(shape):
        held = low.within(at, shape, range(at.layout.registers))
        assert held is not None
        xs = [
            low.add(ops.Select, condition=held, a=x, b=low.full(s, dtype_of(x), at.layout.registers))
            for x, s in zip(xs, start, strict=True)
        ]
    after = coordinates.places(at.layout.reduce(axis))
    xs = in_registers(low, xs, at, after, axis, combine)
    near, far = split(at.digits[axis], low.room.lanes)
    for digit in near:
        for bit in range(digit.extent.bit_length() - 1):
            others = [low.add(threads.ShuffleXor, x=x, mask=digit.stride << bit) for x in xs]
            xs = combine(low, xs, others)
    return across_warps(low, xs, after, at, near, far, combine) if far else xs


def in_registers(low: Lowering, xs: list[Value], at: Places, after: Places, axis: int, combine: Combine) -> list[Value]:
    """One register for each that the result has: the registers of a line, halved again and again."""
    rest = np.delete(at.registers, axis, axis=0)
    lines = [[int(r) for r in np.flatnonzero((rest == wanted[:, None]).all(axis=0))] for wanted in after.registers.T]
    lines = [sorted(line, key=lambda r: at.registers[axis][r]) for line in lines]
    held = [low.take(x, [line[k] for k in range(len(lines[0])) for line in lines]) for x in xs]
    count, width = len(lines[0]), len(lines)
    while count > 1:
        half = count // 2
        first = [low.take(x, range(half * width)) for x in held]
        second = [low.take(x, range(half * width, 2 * half * width)) for x in held]
        made = combine(low, first, second)
        if count % 2:
            tail = [low.take(x, range(2 * half * width, count * width)) for x in held]
            made = [low.add(threads.Join, xs=(m, t)) for m, t in zip(made, tail, strict=True)]
        held, count = made, half + count % 2
    return held


def split(digits: Sequence[Digit], lanes: int) -> tuple[list[Digit], list[Digit]]:
    """The digits that count lanes of a warp by powers of two, and those that do not."""
    near, far = [], []
    for digit in digits:
        inside = max(1, min(digit.extent, lanes // digit.stride)) if digit.stride < lanes else 1
        if inside & (inside - 1) or digit.stride & (digit.stride - 1) or digit.extent % inside:
            far.append(digit)
            continue
        if inside > 1:
            near.append(Digit(inside, digit.stride, digit.weight))
        if digit.extent > inside:
            far.append(Digit(digit.extent // inside, digit.stride * inside, digit.weight * inside))
    return near, far


def across_warps(
    low: Lowering,
    xs: list[Value],
    after: Places,
    before: Places,
    near: Sequence[Digit],
    far: Sequence[Digit],
    combine: Combine,
) -> list[Value]:
    """Each warp's part of each result written side by side; then every thread reads and folds those it needs."""
    parts = prod(digit.extent for digit in far)
    memory = shared.row_major((*after.layout.shape, parts))
    weight, own = 1, []
    for digit in far:
        own.append(Digit(digit.extent, digit.stride, weight))
        weight *= digit.extent
    writer = whose(after, own)
    copies = [*before.copies, *(Digit(digit.extent, digit.stride, 1) for digit in near)]
    once: Value | None = None
    for digit in copies:
        once = low.all(once, low.compare(ops.Eq, low.digit(digit), low.number(0)))
    reader = whose(after, [])
    found = []
    for x in xs:
        unit = unit_of(dtype_of(x))
        region = shared.buffer(low, memory, unit, name="partial")
        table = shared.offsets_of(writer, memory)
        count = table.shape[1]
        low.do(
            threads.SharedStore,
            buffer=region.buffer,
            value=coded(low, x, unit),
            offsets=shared.spoken(low, writer, memory, table),
            mask=None if once is None else low.splat(once, count),
        )
        lines = []
        for part in range(parts):
            place = shared.spoken(low, reader, memory, shared.offsets_of(reader, memory) + part)
            lines.append(decoded(low, low.add(threads.SharedLoad, buffer=region.buffer, offsets=place), dtype_of(x)))
        found.append(lines)
    return tree(low, [list(line) for line in zip(*found, strict=True)], combine)


def tree(low: Lowering, held: list[list[Value]], combine: Combine) -> list[Value]:
    """Values folded in pairs, neighbours first."""
    while len(held) > 1:
        pairs = [combine(low, a, b) for a, b in zip(held[::2], held[1::2], strict=False)]
        held = pairs + held[len(pairs) * 2 :]
    return held[0]


def whose(after: Places, own: Sequence[Digit]) -> Places:
    """The places of a result with one dim more, the warp's part, which ``own`` digits tell."""
    count = after.threads.shape[1]
    thread = np.arange(count)
    part = np.zeros(count, np.int64)
    for digit in own:
        part += thread // digit.stride % digit.extent * digit.weight
    return Places(
        after.layout,
        np.vstack([after.threads, part[None]]),
        np.vstack([after.registers, np.zeros((1, after.registers.shape[1]), np.int64)]),
        (*after.digits, tuple(own)),
        after.copies,
    )
