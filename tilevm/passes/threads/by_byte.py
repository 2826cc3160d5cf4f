"""Stores to packed tensors that begin or end inside bytes: each byte put together by one thread.

The codes go to shared memory, and threads count the bytes of all rows. A byte that the box fills is stored; of others
the bits that are the box's are changed, and neighbours keep theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from tilevm.ir import Block, Value, ops, threads
from tilevm.passes.threads import shared
from tilevm.passes.threads.globals import Box, inside, scaled, unit_of
from tilevm.passes.threads.lowering import Lowering
from tilevm.types import DType, Scalar, i32, i64, integer, u8, u32, u64

FULL = 0xFF


@dataclass(frozen=True)
class Row:
    """One row of the box: elements from the tensor's first to its column 0, and the columns that are inside."""

    start: Value
    low: Value
    high: Value
    exists: Value


def store(low: Lowering, box: Box, value: Value) -> None:
    bits, shape = box.type.dtype.bits, box.shape
    region = codes(low, box, value)
    most = (shape[-1] * bits + 14) // 8  # bytes that a row may touch
    items = prod(shape[:-1]) * most
    trip = Value(Scalar(i32), "trip")
    with low.builder.collect() as made:
        item = low.both(ops.Add, low.both(ops.Mul, trip, low.number(low.room.threads)), low.tid)
        line = low.both(ops.FloorDiv, item, low.number(most))
        number = low.cast(low.both(ops.Mod, item, low.number(most)), i64)
        row = row_of(low, box, line, low.compare(ops.Lt, item, low.number(items)))
        one_byte(low, box, region, line, number, row)
        low.do(ops.Yield, values=())
    trips = -(-items // low.room.threads)
    bounds = [low.number(bound) for bound in (0, trips, 1)]
    low.do(ops.For, lower=bounds[0], upper=bounds[1], step=bounds[2], carried=(), body=Block((trip,), tuple(made)))


def codes(low: Lowering, box: Box, value: Value) -> shared.Region:
    """The codes of the tile in shared memory, one an element."""
    dtype = box.type.dtype
    unit = integer(unit_of(dtype).bits, signed=False)
    whole = integer(dtype.bits, signed=False)
    code = low.add(ops.View, x=value, to=whole) if dtype.is_float else low.cast(value, whole)
    region = shared.buffer(low, shared.row_major(box.shape), unit, name="codes")
    shared.write(low, region, low.cast(code, unit), box.at, box.shape, 1)
    return region


def row_of(low: Lowering, box: Box, line: Value, exists: Value) -> Row:
    """Row ``line`` of the box, rows counted with the last dim but one fastest."""
    start: Value | None = None
    for dim in range(len(box.shape) - 1):
        behind = prod(box.shape[dim + 1 : -1])
        digit = low.both(ops.Mod, low.both(ops.FloorDiv, line, low.number(behind)), low.number(box.shape[dim]))
        place = low.both(ops.Add, low.cast(low[box.offsets[dim]], i64), low.cast(digit, i64))
        found = inside(low, place, box.tensor, dim, box.type.dims[dim], i64)
        exists = low.both(ops.And, exists, found)
        start = low.plus(start, scaled(low, box.tensor, dim, place, i64))
    last = len(box.shape) - 1
    offset = low.cast(low[box.offsets[last]], i64)
    extent = low.cast(low.add(ops.Extent, tensor=box.tensor, axis=last), i64)
    found_low = low.both(ops.Maximum, low.both(ops.Sub, low.number(0, i64), offset), low.number(0, i64))
    high = low.both(ops.Minimum, low.both(ops.Sub, extent, offset), low.number(box.shape[last], i64))
    first = low.plus(start, offset)
    assert first is not None
    return Row(first, found_low, high, exists)


def one_byte(low: Lowering, box: Box, region: shared.Region, line: Value, number: Value, row: Row) -> None:
    """Byte ``number`` of those that the row touches, put together and written."""
    bits = low.number(box.type.dtype.bits, i64)
    base = low.both(ops.Mul, row.start, bits)  # the bit of column 0
    begin = low.both(ops.Add, base, low.both(ops.Mul, row.low, bits))
    end = low.both(ops.Add, base, low.both(ops.Mul, row.high, bits))
    byte = low.both(ops.Add, low.both(ops.Shr, begin, low.number(3, i64)), number)
    bit = low.both(ops.Shl, byte, low.number(3, i64))
    exists = low.both(ops.And, row.exists, low.compare(ops.Lt, bit, end))
    column = low.both(ops.FloorDiv, low.both(ops.Sub, bit, base), bits)
    held, kept = gathered(low, box, region, line, column, low.both(ops.Sub, base, bit), row)
    whole = low.compare(ops.Eq, kept, low.number(FULL, u32))
    some = low.both(ops.And, exists, low.compare(ops.Ne, kept, low.number(0, u32)))
    write(low, box, byte, held, kept, (low.both(ops.And, exists, whole), some, whole))


def gathered(
    low: Lowering, box: Box, region: shared.Region, line: Value, column: Value, shift: Value, row: Row
) -> tuple[Value, Value]:
    """The bits of the box in a byte, and which they are. ``shift``: from the byte's first bit to that of column 0."""
    bits, length = box.type.dtype.bits, box.shape[-1]
    wide: DType = u32 if bits + 7 <= 32 else u64
    held, kept = low.number(0, u32), low.number(0, u32)
    for part in range(7 // bits + 2):
        here = low.both(ops.Add, column, low.number(part, i64))
        mine = low.both(ops.And, low.compare(ops.Ge, here, row.low), low.compare(ops.Lt, here, row.high))
        clamped = low.both(ops.Minimum, low.both(ops.Maximum, here, low.number(0, i64)), low.number(length - 1, i64))
        exists = low.both(ops.Minimum, line, low.number(prod(box.shape[:-1]) - 1))
        place = low.both(ops.Add, low.both(ops.Mul, exists, low.number(length)), low.cast(clamped, i32))
        got = low.add(threads.SharedLoad, buffer=region.buffer, offsets=low.splat(place, 1))
        code = low.cast(low.add(threads.Register, x=got, at=0), wide)
        up = low.both(ops.Add, shift, low.both(ops.Mul, here, low.number(bits, i64)))
        for number, x in enumerate((code, low.number(2**bits - 1, wide))):
            piece = low.both(ops.And, low.cast(moved(low, x, up), u32), low.number(FULL, u32))
            piece = low.add(ops.Select, condition=mine, a=piece, b=low.number(0, u32))
            if number:
                kept = low.both(ops.Or, kept, piece)
            else:
                held = low.both(ops.Or, held, piece)
    return held, kept


def moved(low: Lowering, x: Value, up: Value) -> Value:
    """``x`` moved up by so many bits, or down."""
    wide = x.type.dtype  # type: ignore[union-attr]
    left = low.both(ops.Shl, x, low.cast(up, wide))
    down = low.both(ops.Sub, low.number(0, i64), up)
    right = low.both(ops.Shr, x, low.cast(down, wide))
    return low.add(ops.Select, condition=low.compare(ops.Lt, up, low.number(0, i64)), a=right, b=left)


def write(low: Lowering, box: Box, byte: Value, held: Value, kept: Value, when: tuple[Value, Value, Value]) -> None:
    """Store a byte that is filled; of another, clear the bits and set them: nobody else writes those between."""
    fills, some, whole = when
    place = low.splat(byte, 1)
    value = low.splat(low.cast(held, u8), 1)
    low.do(threads.GlobalStore, memory=box.tensor, value=value, offsets=place, mask=low.splat(fills, 1), of=u8)
    partly = low.splat(low.both(ops.And, some, low.add(ops.Not, x=whole)), 1)
    others = low.splat(low.cast(low.add(ops.Not, x=kept), u8), 1)
    for change, x in (("and", others), ("or", value)):
        low.add(threads.GlobalAtomic, memory=box.tensor, value=x, offsets=place, mask=partly, change=change, of=u8)
