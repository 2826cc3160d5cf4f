"""Lowering of what goes along a line one element after another: scans, folds, running sums and products.

Lines stand in shared memory, and each is walked by one thread from its first element to its last, as the language says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from tilevm.ir import Block, Value, ops, threads
from tilevm.layout import Layout
from tilevm.passes.threads import shared
from tilevm.passes.threads.globals import coded, decoded, unit_of
from tilevm.passes.threads.lowering import Lowering, dtype_of, lower
from tilevm.passes.threads.numbers import shape_of
from tilevm.types import DType, Scalar, Tile, f32, i32

Step = Callable[[list[Value], list[Value]], list[Value]]  # what was combined so far, and the next elements


@lower.rule(ops.Scan)
def _(op: ops.Scan, low: Lowering) -> Sequence[Value]:
    return walked(low, op.xs, op.axis, op.reverse, lambda a, b: combined(low, op.combine, [*a, *b]), op.results)


@lower.rule(ops.Fold)
def _(op: ops.Fold, low: Lowering) -> Sequence[Value]:
    return walked(low, op.xs, op.axis, False, lambda a, b: combined(low, op.combine, [*a, *b]), op.results)


@lower.rule(ops.Cumulative)
def _(op: ops.Cumulative, low: Lowering) -> Sequence[Value]:
    kind = ops.Add if isinstance(op, ops.CumSum) else ops.Mul
    dtype = dtype_of(op.x)
    wide = f32 if dtype.is_float and dtype.bits < 32 else dtype
    return walked(low, (op.x,), op.axis, op.reverse, lambda a, b: [low.both(kind, a[0], b[0])], op.results, (wide,))


def combined(low: Lowering, block: Block, given: list[Value]) -> list[Value]:
    """A combining block, which is of numbers, on register arrays; numbers from outside it too."""
    count = given[0].type.size  # type: ignore[union-attr]
    now = dict(zip(block.params, given, strict=True))

    def held(value: Value) -> Value:
        return now[value] if value in now else low.splat(low[value], count)

    for op in block.ops[:-1]:
        made = low.builder.append(op.with_parts([held(v) for v in op.operands], ()))
        now[op.result] = low.splat(made.result, count)
    return [held(v) for v in block.end.operands]


def walked(
    low: Lowering,
    xs: Sequence[Value],
    axis: int,
    reverse: bool,
    step: Step,
    results: Sequence[Value],
    wide: Sequence[DType] | None = None,
) -> list[Value]:
    """Every line combined; the results are what stood after each element, or after the last where the axis goes."""
    shape = shape_of(xs[0])
    every = isinstance(results[0].type, Tile) and len(results[0].type.shape) == len(shape)
    lines = Lines(low, shape, axis, reverse, results)
    kinds = tuple(wide or (dtype_of(x) for x in xs))
    regions = [lines.put(x) for x in xs]
    acc = [low.cast(lines.get(r, dtype_of(x), low.number(0)), k) for r, x, k in zip(regions, xs, kinds, strict=True)]
    index = Value(Scalar(i32), "i")
    params = [Value(a.type, "acc") for a in acc]
    with low.builder.collect() as made:
        following = [low.cast(lines.get(r, dtype_of(x), index), k) for r, x, k in zip(regions, xs, kinds, strict=True)]
        now = step(params, following)
        if every:
            for region, x, value in zip(regions, xs, now, strict=True):
                lines.set(region, low.cast(value, dtype_of(x)), index)
        low.do(ops.Yield, values=tuple(now))
    bounds = [low.number(bound) for bound in (1, shape[axis], 1)]
    loop = low.builder.add(
        ops.For,
        lower=bounds[0],
        upper=bounds[1],
        step=bounds[2],
        carried=tuple(acc),
        body=Block((index, *params), tuple(made)),
        num_stages=1,
        unroll=1,
    )
    if not every:
        for region, x, value in zip(regions, xs, loop.results, strict=True):
            lines.set(region, low.cast(value, dtype_of(x)), low.number(0))
    return [lines.result(region, result) for region, result in zip(regions, results, strict=True)]


class Lines:
    """The lines of a tile along ``axis``, each for one thread: threads count them, again and again where they are
    fewer. A thread without a line of its own walks along the last, and writes nothing."""

    def __init__(
        self, low: Lowering, shape: tuple[int, ...], axis: int, reverse: bool, results: Sequence[Value]
    ) -> None:
        self.low, self.axis, self.reverse = low, axis, reverse
        self.length = shape[axis]
        rest = (*shape[:axis], *shape[axis + 1 :])
        count = prod(rest)
        self.pitch = self.length | 1  # odd, so that lines begin in different banks
        steps = [prod(rest[dim + 1 :]) * self.pitch for dim in range(len(rest))]
        steps.insert(axis, 1)
        self.memory = Layout.parse(" ".join(f"{e}:{s}@mem" for e, s in zip(shape, steps, strict=True)))
        self.folded = self.memory.slice([0 if d == axis else None for d in range(len(shape))])[0]
        self.reach = max((self.most(value) for value in results if isinstance(value.type, Tile)), default=0)
        each = -(-count // low.room.threads)
        line = low.plus(low.splat(low.tid, each), low.numbers(range(0, each * low.room.threads, low.room.threads)))
        assert line is not None
        self.valid = low.compare(ops.Lt, line, low.number(count))
        clamped = low.both(ops.Minimum, line, low.number(count - 1))
        self.start = low.both(ops.Mul, clamped, low.number(self.pitch))

    def most(self, value: Value) -> int:
        """Elements that reading a result may reach: its layout may exceed it."""
        at = self.low.places(value)
        memory = self.memory if len(at.layout.shape) == self.memory.rank else self.folded
        return int(shared.offsets_of(at, memory).max()) + 1

    def put(self, x: Value, reach: int = 0) -> shared.Region:
        """A tile in shared memory, in a buffer of ``reach`` elements at least."""
        low, unit = self.low, unit_of(dtype_of(x))
        region = shared.buffer(low, self.memory, unit, max(self.reach, reach), x.hint)
        shared.write(low, region, coded(low, low[x], unit), low.places(x), shape_of(x), 1)
        return region

    def place(self, index: Value) -> Value:
        """Where element ``index`` of each line lies, counted from the end with ``reverse``."""
        if self.reverse:
            index = self.low.both(ops.Sub, self.low.number(self.length - 1), index)
        return self.low.both(ops.Add, self.start, index)

    def get(self, region: shared.Region, dtype: DType, index: Value) -> Value:
        found = self.low.add(threads.SharedLoad, buffer=region.buffer, offsets=self.place(index))
        return decoded(self.low, found, dtype)

    def set(self, region: shared.Region, value: Value, index: Value) -> None:
        unit = unit_of(dtype_of(value))
        self.low.do(
            threads.SharedStore,
            buffer=region.buffer,
            value=coded(self.low, value, unit),
            offsets=self.place(index),
            mask=self.valid,
        )

    def result(self, region: shared.Region, value: Value) -> Value:
        """The tile that the lines have become, or what is left of each: its first element."""
        low, dtype = self.low, dtype_of(value)
        if not isinstance(value.type, Tile):
            place = low.numbers([self.length - 1 if self.reverse else 0])
            found = decoded(low, low.add(threads.SharedLoad, buffer=region.buffer, offsets=place), dtype)
            return low.add(threads.Register, x=found, at=0)
        at, memory = low.places(value), self.memory
        if len(value.type.shape) < memory.rank:
            memory = self.folded
        place = shared.spoken(low, at, memory, shared.offsets_of(at, memory))
        found = low.add(threads.SharedLoad, buffer=region.buffer, offsets=place)
        return decoded(low, low.defined(found, at, shape_of(value)), dtype)
