"""Bodies of loops, laid out several times in a row.

A loop of ``unroll`` n becomes one whose trips do the work of n, and behind it one for the trips that are left. Trips
are counted unsigned, in as many bits as the index has, so no bound of an index is too large. Carried values, tokens and
slots of rings go from copy to copy as they went from trip to trip; a slot that n trips bring back to where it was is
not carried any more, and what it was at the beginning is known in each copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tilevm.ir import Block, Func, Op, Value, ops, threads
from tilevm.ir.build import Builder, block
from tilevm.ir.rewrite import Substitution, rewrite, walk
from tilevm.passes.fold import known
from tilevm.passes.hoist import hoist
from tilevm.passes.threads.carry import made_in
from tilevm.passes.threads.lowering import dtype_of
from tilevm.source import TileError
from tilevm.types import DType, Scalar, i32, i64, u32, u64

MOST = 1 << 16  # instructions of one loop's copies
WIDTHS = (Scalar(i32), Scalar(i64))  # of offsets


def unroll(func: Func) -> Func:
    """``func`` with the body of every loop of ``unroll`` n ≥ 2 repeated n times a trip, and the trips left over in a
    loop behind it, or in a row where their number is known; without a loop where all of them are no more than n.

    A loop stays as it is where n steps do not fit the type of its index. Raises TileError where the copies of one loop
    are too many instructions.
    """
    if not any(isinstance(op, ops.For) and op.unroll > 1 for op in walk(func.body)):
        return func
    return rewrite(hoist(func), rule)  # so that copies find what the loop does not change outside of it


def rule(loop: Op, builder: Builder) -> Sequence[Value] | None:
    if not isinstance(loop, ops.For) or loop.unroll < 2:
        return None
    bounds = known(loop.lower), known(loop.upper), known(loop.step)
    if bounds[2] == 0:
        return loop.carried
    if None not in bounds:
        return counted(builder, loop, range(*(int(bound or 0) for bound in bounds)))
    refuse_many(loop, loop.unroll + 1)
    return uncounted(builder, loop)


def refuse_many(loop: ops.For, copies: int) -> None:
    """Raises TileError for a body that so many copies of are too much."""
    size = sum(1 for _ in walk(loop.body))
    if size * copies > MOST:
        raise TileError(
            f"{copies} copies of a loop's body of {size} instructions are {size * copies}, and {MOST} are the most",
            loop.span,
            help=f"an unroll of {max(1, MOST // size - 1)} or less",
        )


# how many trips ------------------------------------------------------------------------------------------------


def counted(builder: Builder, loop: ops.For, trips: range) -> Sequence[Value] | None:
    """A loop whose trips are known: a multiple of n of them by a loop, the others in a row."""
    dtype, n = dtype_of(loop.lower), loop.unroll
    over = len(trips) % n
    values, rest = loop.carried, trips
    if len(trips) > n:
        if not dtype.min <= n * trips.step <= dtype.max:
            return None
        rest = trips[len(trips) - over :]
        refuse_many(loop, n + over)
        end = builder.constant(rest[0], dtype) if over else loop.upper
        values = row(builder, loop, end, builder.constant(n * trips.step, dtype))
    else:
        refuse_many(loop, len(trips))
    for index in rest:
        values = again(builder, loop, Place(builder.constant(index, dtype)), values)
    return values


def uncounted(builder: Builder, loop: ops.For) -> Sequence[Value] | None:
    """A loop whose trips show when it begins: those that make whole rows, and behind them those that are left."""
    dtype, n = dtype_of(loop.lower), loop.unroll
    step = known(loop.step)
    if step is not None and not dtype.min <= n * int(step) <= dtype.max:
        return None
    end = end_of_rows(builder, loop)
    far = builder.add(ops.Mul, a=loop.step, b=builder.constant(n, dtype)).result if step is None else None
    values = row(builder, loop, end, far or builder.constant(n * int(step or 0), dtype))
    left = again_as_loop(builder, loop, end, values)
    return left.results


def end_of_rows(builder: Builder, loop: ops.For) -> Value:
    """Where the rows end: the index of the first trip that is left, or the end of the loop where none is."""
    dtype, n = dtype_of(loop.lower), loop.unroll
    count = u64 if dtype.bits > 32 else u32
    way = Way.of(builder, loop, count)
    one = builder.constant(1, count)
    last = builder.add(ops.FloorDiv, a=less(builder, way.distance, one), b=way.stride).result  # trips but one
    trips = builder.add(ops.Add, a=last, b=one).result
    over = builder.add(ops.Mod, a=trips, b=builder.constant(n, count)).result
    steps = builder.add(ops.Mul, a=less(builder, trips, over), b=builder.cast(loop.step, count)).result
    first = builder.cast(builder.add(ops.Add, a=builder.cast(loop.lower, count), b=steps).result, dtype)
    some = builder.add(ops.Ne, a=over, b=builder.constant(0, count)).result
    where = builder.add(ops.And, a=way.runs, b=some).result
    end = builder.add(ops.Select, condition=where, a=first, b=loop.upper).result
    if known(loop.step) is not None:
        return end
    fits = builder.add(ops.Le, a=way.stride, b=builder.constant(int(dtype.max) // n, count)).result
    return builder.add(ops.Select, condition=fits, a=end, b=loop.lower).result  # no rows of steps that are too large


@dataclass(frozen=True)
class Way:
    """Whether a loop runs; how far its end is then, and how far a trip goes, both as unsigned numbers."""

    runs: Value
    distance: Value
    stride: Value

    @classmethod
    def of(cls, builder: Builder, loop: ops.For, count: DType) -> Way:
        """That of ``loop``, whose step may be a number known now."""
        lower, upper, step = (builder.cast(v, count) for v in (loop.lower, loop.upper, loop.step))
        up, down = less(builder, upper, lower), less(builder, lower, upper)
        rises = builder.add(ops.Lt, a=loop.lower, b=loop.upper).result
        falls = builder.add(ops.Gt, a=loop.lower, b=loop.upper).result
        zero = builder.constant(0, count)
        by = known(loop.step)
        if by is not None:
            return cls(rises, up, step) if by > 0 else cls(falls, down, builder.constant(-int(by), count))
        forward = builder.add(ops.Gt, a=loop.step, b=builder.constant(0, dtype_of(loop.step))).result
        backward = builder.add(ops.Lt, a=loop.step, b=builder.constant(0, dtype_of(loop.step))).result
        falls = builder.add(ops.And, a=backward, b=falls).result
        return cls(
            builder.add(ops.Select, condition=forward, a=rises, b=falls).result,
            builder.add(ops.Select, condition=forward, a=up, b=down).result,
            builder.add(ops.Select, condition=forward, a=step, b=less(builder, zero, step)).result,
        )


def less(builder: Builder, a: Value, b: Value) -> Value:
    return builder.add(ops.Sub, a=a, b=b).result


# copies --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """The index of a copy: ``start``, and ``by`` further: the index of a trip too, so it does not wrap."""

    start: Value
    by: Value | None = None

    def index(self, builder: Builder) -> Value:
        return self.start if self.by is None else builder.add(ops.Add, a=self.start, b=self.by).result


def row(builder: Builder, loop: ops.For, end: Value, step: Value) -> tuple[Value, ...]:
    """The loop up to ``end``, n trips in each of its own; what it yields."""
    index, far = Value(loop.body.params[0].type, loop.body.params[0].hint), None
    copies = []
    for _ in range(loop.unroll):
        copies.append(Place(index, far))
        far = loop.step if far is None else builder.add(ops.Add, a=far, b=loop.step).result
    kept = [i for i in range(len(loop.carried)) if not comes_round(loop, i)]
    before = list(loop.carried)
    for i in kept:
        before[i] = Value(loop.carried[i].type, loop.body.params[i + 1].hint)
    with builder.collect() as inner:
        values: Sequence[Value] = before
        for place in copies:
            values = again(builder, loop, place, values)
    made = replace(
        loop,
        upper=end,
        step=step,
        carried=tuple(loop.carried[i] for i in kept),
        body=block((index, *(before[i] for i in kept)), inner, [values[i] for i in kept], loop.body.end.span),
        unroll=1,
        hints=tuple(loop.results[i].hint for i in kept),
    )
    left = dict(zip(kept, builder.append(made).results, strict=True))
    return tuple(left.get(i, first) for i, first in enumerate(loop.carried))


def comes_round(loop: ops.For, place: int) -> bool:
    """Whether a carried value is the slot of a ring, and after n trips the same again."""
    on = loop.body.end.operands[place].owner
    if not isinstance(on, threads.Ring) or on.slot is not loop.body.params[place + 1]:
        return False
    return loop.unroll * on.by % on.slots == 0


def again_as_loop(builder: Builder, loop: ops.For, lower: Value, carried: Sequence[Value]) -> ops.For:
    """The loop from ``lower`` on, by single trips."""
    hints = tuple(value.hint for value in loop.results)
    return builder.append(replace(loop, lower=lower, carried=tuple(carried), unroll=1, hints=hints))


def again(builder: Builder, loop: ops.For, place: Place, carried: Sequence[Value]) -> tuple[Value, ...]:
    """A copy of the body; what it yields."""
    copy = Copy(builder, loop, place)
    copy.now.bind(loop.body.params, (place.index(builder), *carried))
    for op in loop.body.ops[:-1]:
        further = copy.further(op)
        if further is None:
            builder.append(made_anew(op, copy.now))
        else:
            copy.now[op.result] = further
    return tuple(copy.now[v] for v in loop.body.end.operands)


def made_anew(op: Op, now: Substitution) -> Op:
    """The instruction on the values that stand for its own, with blocks and results of its own."""
    regions = []
    for region in op.regions:
        params = tuple(Value(p.type, p.hint) for p in region.params)
        now.bind(region.params, params)
        regions.append(Block(params, tuple(made_anew(inner, now) for inner in region.ops)))
    made = op.with_parts([now[v] for v in op.operands], regions)
    now.bind(op.results, made.results)
    return made


class Copy:
    """A copy being made. The index in the width of offsets, and products of that, are taken apart in it: what copies
    share they then share, and what belongs to one of them does not change in the loop. A slot is told by where the
    first copy's was."""

    def __init__(self, builder: Builder, loop: ops.For, place: Place) -> None:
        self.builder, self.place, self.now = builder, place, Substitution()
        self.index, self.inside = loop.body.params[0], made_in(loop)
        self.indices: set[Value] = {self.index} if self.index.type in WIDTHS else set()

    def further(self, op: Op) -> Value | None:
        """What stands for the result of an instruction that is made otherwise; None for others."""
        if isinstance(op, threads.Ring):
            return self.round(op)
        if self.place.by is None or not isinstance(op, ops.Cast | ops.Mul) or op.result.type not in WIDTHS:
            return None
        parts = [self.builder.cast(v, dtype_of(op.result)) for v in (self.place.start, self.place.by)]
        if isinstance(op, ops.Cast):
            if op.x is not self.index:
                return None
            self.indices.add(op.result)
            return self.builder.add(ops.Add, a=parts[0], b=parts[1]).result
        for one, other in ((op.a, op.b), (op.b, op.a)):
            if one in self.indices and other not in self.inside:
                a, b = (self.builder.add(ops.Mul, a=part, b=self.now[other]).result for part in parts)
                return self.builder.add(ops.Add, a=a, b=b).result
        return None

    def round(self, op: threads.Ring) -> Value:
        """A slot of a ring, all the way from the one that began."""
        slot, by = self.now[op.slot], op.by
        if isinstance(made := slot.owner, threads.Ring) and made.slots == op.slots:
            slot, by = made.slot, (made.by + by) % op.slots
        return slot if by == 0 else self.builder.add(threads.Ring, slot=slot, before=None, by=by, slots=op.slots).result
