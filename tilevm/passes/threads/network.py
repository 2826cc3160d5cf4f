"""Sorting by a bitonic network in shared memory, all lines of a tile at once.

Elements go with their indices, by which those that are alike are told apart: so the order is whole, and what comes of
it stable. Lines are filled up to a power of two with what goes last of all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from tilevm.ir import Op, Value, ops, threads
from tilevm.ir.build import block
from tilevm.passes.threads import shared
from tilevm.passes.threads.globals import coded, decoded, unit_of
from tilevm.passes.threads.lines import memory_along
from tilevm.passes.threads.lowering import Lowering, dtype_of, size
from tilevm.passes.threads.numbers import shape_of
from tilevm.passes.threads.reduce import extreme
from tilevm.types import DType, Scalar, i32

SHORTEST = 65  # elements of a line: shorter ones are ranked in as many steps, without a barrier between any two
Before = Callable[[Value, Value], Value]  # whether elements go before others


def fits(low: Lowering, op: ops.Sort) -> bool:
    """Whether lines are long enough for a network, and a block has room for them."""
    shape = shape_of(op.x)
    each = unit_of(dtype_of(op.x)).numpy_bytes + i32.numpy_bytes
    room = low.target.limits.shared_per_block
    return shape[op.axis] >= SHORTEST and size_of(shape, op.axis) * each <= room


def size_of(shape: tuple[int, ...], axis: int) -> int:
    """The elements of all lines, filled up."""
    return prod(filled(extent) if dim == axis else extent for dim, extent in enumerate(shape))


def filled(length: int) -> int:
    return 1 << (length - 1).bit_length()


def network(low: Lowering, op: ops.Sort, before: Before) -> tuple[shared.Region, shared.Region]:
    """Where sorted lines lie, and the indices that their elements had."""
    dtype = dtype_of(op.x)
    lines = Filled(low, op)
    keys, indices = lines.buffer(dtype, op.x.hint), lines.buffer(i32, "index")
    lines.fill(keys, indices, dtype, op.descending)
    shared.write(low, keys, coded(low, low[op.x], unit_of(dtype)), low.places(op.x), shape_of(op.x), 1)
    stage, step = Value(Scalar(i32), "stage"), Value(Scalar(i32), "step")
    with low.builder.collect() as outer:
        with low.builder.collect() as inner:
            lines.exchange(keys, indices, dtype, stage, low.both(ops.Sub, stage, step), before)
        around(low, step, low.both(ops.Add, stage, low.number(1)), inner)
    around(low, stage, low.number(lines.length.bit_length() - 1), outer)
    return keys, indices


def around(low: Lowering, index: Value, end: Value, made: Sequence[Op]) -> None:
    """A loop from 0 on, over what was made."""
    first, by = low.number(0), low.number(1)
    body = block((index,), made, ())
    low.do(ops.For, lower=first, upper=end, step=by, carried=(), body=body, num_stages=1, unroll=1)


class Filled:
    """The lines of a tile, one behind another, each of a power of two elements."""

    def __init__(self, low: Lowering, op: ops.Sort) -> None:
        shape = shape_of(op.x)
        self.low, self.extent = low, shape[op.axis]
        self.length, self.count = filled(self.extent), size_of(shape, op.axis)
        self.memory = memory_along(shape, op.axis, self.length, f"{self.extent}:1@mem")
        tables = [shared.offsets_of(low.places(v), self.memory) for v in (op.x, *op.results)]
        self.reach = max(self.count, *(int(table.max()) + 1 for table in tables))

    def buffer(self, of: DType, name: str) -> shared.Region:
        return shared.buffer(self.low, self.memory, unit_of(of), self.reach, name)

    def numbered(self, count: int) -> tuple[Value, Value | None]:
        """So many numbers among all threads, each in one; whether a thread's are of them, None for all."""
        low, threads_ = self.low, self.low.room.threads
        each = -(-count // threads_)
        number = low.both(ops.Add, low.splat(low.tid, each), low.numbers(range(0, each * threads_, threads_)))
        if count % threads_ == 0:
            return number, None
        return low.both(ops.Minimum, number, low.number(count - 1)), low.compare(ops.Lt, number, low.number(count))

    def fill(self, keys: shared.Region, indices: shared.Region, dtype: DType, descending: bool) -> None:
        """Every place with its index in the line and, where lines are filled up, with what goes last of all."""
        low = self.low
        place, mask = self.numbered(self.count)
        if self.length > self.extent:
            last = float("nan") if dtype.is_float and dtype.has_nan else extreme(dtype, not descending)
            value = coded(low, low.full(last, dtype, size(place)), unit_of(dtype))
            self.store(keys, value, place, mask)
        self.store(indices, low.both(ops.And, place, low.number(self.length - 1)), place, mask)

    def exchange(
        self,
        keys: shared.Region,
        indices: shared.Region,
        dtype: DType,
        stage: Value,
        bit: Value,
        before: Before,
    ) -> None:
        """Pairs of elements whose places differ in ``bit`` put in order: rising or falling, as bit ``stage`` + 1 of the
        place is 0 or 1."""
        low = self.low
        pair, mask = self.numbered(self.count // 2)
        far = low.both(ops.Shl, low.number(1), bit)
        above = low.both(ops.Shl, low.both(ops.Shr, pair, bit), low.both(ops.Add, bit, low.number(1)))
        first = low.both(ops.Add, above, low.both(ops.And, pair, low.both(ops.Sub, far, low.number(1))))
        places = first, low.both(ops.Add, first, far)
        turn = low.both(ops.Shl, low.number(2), stage)
        rises = low.compare(
            ops.Eq, low.both(ops.And, low.both(ops.And, first, low.number(self.length - 1)), turn), low.number(0)
        )
        a, b = (decoded(low, low.add(threads.SharedLoad, buffer=keys.buffer, offsets=p), dtype) for p in places)
        i, j = (low.add(threads.SharedLoad, buffer=indices.buffer, offsets=p) for p in places)
        earlier = low.both(ops.And, low.add(ops.Not, x=before(b, a)), low.compare(ops.Lt, i, j))  # of those alike
        turns = low.both(ops.Xor, low.both(ops.Or, before(a, b), earlier), rises)
        both = low.add(threads.Join, xs=places)
        twice = None if mask is None else low.add(threads.Join, xs=(mask, mask))
        for region, x, y in ((keys, a, b), (indices, i, j)):  # a store each, as two would need a barrier between them
            found = [low.add(ops.Select, condition=turns, a=other, b=own) for own, other in ((x, y), (y, x))]
            value = low.add(threads.Join, xs=tuple(coded(low, v, unit_of(dtype_of(v))) for v in found))
            self.store(region, value, both, twice)

    def store(self, region: shared.Region, value: Value, place: Value, mask: Value | None) -> None:
        self.low.do(threads.SharedStore, buffer=region.buffer, value=value, offsets=place, mask=mask)
