"""Lines of a tile in shared memory, as threads walk along them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from tilevm.ir import Block, Value, ops, threads
from tilevm.layout import Layout
from tilevm.passes.threads import shared
from tilevm.passes.threads.globals import coded, decoded, unit_of
from tilevm.passes.threads.lowering import Lowering, dtype_of, size
from tilevm.passes.threads.numbers import shape_of
from tilevm.types import DType, Scalar, Tile, i32

Step = Callable[[list[Value], list[Value]], list[Value]]  # what was combined so far, and the next elements
Trip = Callable[[list[Value], Value], list[Value]]  # what was combined so far, and the index of the next


def memory_along(shape: tuple[int, ...], axis: int, pitch: int, line: str) -> Layout:
    """Lines of a tile along ``axis``, each laid out as ``line``, one every ``pitch`` elements."""
    rest = (*shape[:axis], *shape[axis + 1 :])
    dims = [f"{extent}:{prod(rest[dim + 1 :]) * pitch}@mem" for dim, extent in enumerate(rest)]
    dims.insert(axis, line)
    return Layout.parse(" ".join(dims))


@dataclass(frozen=True)
class Cut:
    """The lines of a tile of ``shape`` along ``axis`` in shared memory, each in ``parts`` of ``length``.

    ``far``, ``pitch``: elements from part to part, and from line to line: odd, so that they begin in different banks.
    ``memory``: where a tile lies; ``folded``: where the first elements of its lines do.
    """

    shape: tuple[int, ...]
    axis: int
    parts: int = 1

    @property
    def length(self) -> int:
        return self.shape[self.axis] // self.parts

    @property
    def far(self) -> int:
        return self.length | 1

    @property
    def pitch(self) -> int:
        return self.parts * self.far | 1

    @property
    def count(self) -> int:
        """The lines."""
        return prod(self.shape) // self.shape[self.axis]

    @cached_property
    def memory(self) -> Layout:
        line = f"({self.length},{self.parts}):(1@mem,{self.far}@mem)" if self.parts > 1 else f"{self.length}:1@mem"
        return memory_along(self.shape, self.axis, self.pitch, line)

    @cached_property
    def folded(self) -> Layout:
        return self.memory.slice([0 if d == self.axis else None for d in range(len(self.shape))])[0]

    def memory_of(self, value: Value) -> Layout:
        """Where a tile lies, perhaps without the axis."""
        return self.memory if len(shape_of(value)) == len(self.shape) else self.folded


class Lines:
    """Lines as threads walk along them: a part each, those of a line in lanes side by side. Threads count them, again
    and again where they are fewer. A thread without a line of its own walks along the last, and writes nothing.

    ``begin``, ``start``: where a thread's line begins, and its part. ``lane``, ``part``: the thread's number in its
    warp, and that of its part as the line is walked; None where lines are whole.
    """

    def __init__(self, low: Lowering, cut: Cut, reverse: bool, results: Sequence[Value]) -> None:
        self.low, self.cut, self.reverse = low, cut, reverse
        self.reach = max((self.most(value) for value in results if isinstance(value.type, Tile)), default=0)
        self.lane: Value | None = None
        self.part: Value | None = None
        number, teams = low.tid, low.room.threads // cut.parts
        if cut.parts > 1:
            number = low.both(ops.Shr, low.tid, low.number(cut.parts.bit_length() - 1))
            self.lane = low.both(ops.And, low.tid, low.number(low.room.lanes - 1))
            self.part = low.both(ops.And, low.tid, low.number(cut.parts - 1))
        each = -(-cut.count // teams)
        line = low.plus(low.splat(number, each), low.numbers(range(0, each * teams, teams)))
        assert line is not None
        self.valid = low.compare(ops.Lt, line, low.number(cut.count))
        clamped = low.both(ops.Minimum, line, low.number(cut.count - 1))
        self.start = self.begin = low.both(ops.Mul, clamped, low.number(cut.pitch))
        if self.part is not None:
            place = low.both(ops.Sub, low.number(cut.parts - 1), self.part) if reverse else self.part
            self.start = low.both(ops.Add, self.begin, low.both(ops.Mul, place, low.number(cut.far)))

    def most(self, value: Value) -> int:
        """Elements that reading a result may reach: its layout may exceed it."""
        return int(shared.offsets_of(self.low.places(value), self.cut.memory_of(value)).max()) + 1

    def along(self, first: list[Value], trip: Trip) -> list[Value]:
        """What comes of walking along each part from its second element on."""
        if self.cut.length == 1:
            return first
        low, index = self.low, Value(Scalar(i32), "i")
        params = [Value(a.type, "acc") for a in first]
        with low.builder.collect() as made:
            low.do(ops.Yield, values=tuple(trip(params, index)))
        bounds = [low.number(bound) for bound in (1, self.cut.length, 1)]
        body = Block((index, *params), tuple(made))
        loop = low.builder.add(
            ops.For,
            lower=bounds[0],
            upper=bounds[1],
            step=bounds[2],
            carried=tuple(first),
            body=body,
            num_stages=1,
            unroll=1,
        )
        return list(loop.results)

    def across(self, ends: list[Value], step: Step) -> list[Value]:
        """What stands at the end of each part, of what comes of the parts alone: those 1, 2, 4 … back join in turn."""
        far = 1
        while far < self.cut.parts:
            ends, far = self.where(ops.Ge, far, step(self.back(ends, far), ends), ends), 2 * far
        return ends

    def back(self, xs: list[Value], far: int) -> list[Value]:
        """Values as the part so far back has them; of no use in the parts before the first such."""
        low = self.low
        assert self.lane is not None
        lane = low.both(ops.Maximum, low.both(ops.Sub, self.lane, low.number(far)), low.number(0))
        return [low.add(threads.Shuffle, x=x, lane=lane) for x in xs]

    def where(self, kind: type[ops.Compare], number: int, a: list[Value], b: list[Value]) -> list[Value]:
        """``a`` in threads whose part compares so with a number, else ``b``."""
        low = self.low
        assert self.part is not None
        takes = low.splat(low.compare(kind, self.part, low.number(number)), size(a[0]))
        return [low.add(ops.Select, condition=takes, a=x, b=y) for x, y in zip(a, b, strict=True)]

    def put(self, x: Value, reach: int = 0) -> shared.Region:
        """A tile in shared memory, in a buffer of ``reach`` elements at least."""
        low, unit = self.low, unit_of(dtype_of(x))
        region = shared.buffer(low, self.cut.memory, unit, max(self.reach, reach), x.hint)
        shared.write(low, region, coded(low, low[x], unit), low.places(x), shape_of(x), 1)
        return region

    def beside(self, region: shared.Region) -> shared.Region:
        """A buffer like another, so that none reads where others write; the same where a block has no room for both."""
        made = region.buffer.owner
        assert isinstance(made, threads.SharedBuffer)
        if 2 * made.count * made.of.numpy_bytes > self.low.target.limits.shared_per_block:
            return region
        return shared.buffer(self.low, self.cut.memory, made.of, made.count, region.buffer.hint)

    def place(self, index: Value) -> Value:
        """Where element ``index`` of each part lies, counted from the end with ``reverse``."""
        if self.reverse:
            index = self.low.both(ops.Sub, self.low.number(self.cut.length - 1), index)
        return self.low.both(ops.Add, self.start, index)

    def get(self, region: shared.Region, dtype: DType, index: Value) -> Value:
        found = self.low.add(threads.SharedLoad, buffer=region.buffer, offsets=self.place(index))
        return decoded(self.low, found, dtype)

    def set(self, region: shared.Region, value: Value, place: Value, mask: Value) -> None:
        """An element of each line, where the mask is true."""
        unit = unit_of(dtype_of(value))
        self.low.do(
            threads.SharedStore,
            buffer=region.buffer,
            value=coded(self.low, value, unit),
            offsets=place,
            mask=mask,
            apart=True,
        )

    def result(self, region: shared.Region, value: Value) -> Value:
        """The tile that the lines have become, or what is left of each: its first element."""
        low, dtype = self.low, dtype_of(value)
        if not isinstance(value.type, Tile):
            place = low.numbers([0])
            found = decoded(low, low.add(threads.SharedLoad, buffer=region.buffer, offsets=place), dtype)
            return low.add(threads.Register, x=found, at=0)
        return tile_of(low, region, self.cut.memory_of(value), value)


def tile_of(low: Lowering, region: shared.Region, memory: Layout, value: Value) -> Value:
    """What lies in a buffer as ``memory`` says, in the layout of ``value``."""
    at = low.places(value)
    place = shared.spoken(low, at, memory, shared.offsets_of(at, memory))
    found = low.add(threads.SharedLoad, buffer=region.buffer, offsets=place)
    return decoded(low, low.defined(found, at, shape_of(value)), dtype_of(value))
