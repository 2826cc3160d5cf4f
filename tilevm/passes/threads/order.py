"""Lowering of what compares the elements of a line: order, and the place of an extreme."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Block, Value, ops, threads
from tilevm.passes.threads import network, shared
from tilevm.passes.threads.globals import coded, decoded, unit_of
from tilevm.passes.threads.lines import Cut, Lines, tile_of
from tilevm.passes.threads.lowering import Lowering, dtype_of, lower, size
from tilevm.passes.threads.numbers import shape_of
from tilevm.passes.threads.reduce import extreme, reduced
from tilevm.types import Scalar, Tile, i32


@lower.rule(ops.ArgReduce)
def _(op: ops.ArgReduce, low: Lowering) -> Sequence[Value]:
    """Pairs of an element and its index, the better of two again and again; NaN has an index that loses."""
    at, x, dtype = low.places(op.x), low[op.x], dtype_of(op.x)
    count = at.layout.registers
    index = low.plus(low.index(at, op.axis), low.numbers(at.registers[op.axis]))
    assert index is not None
    worst = extreme(dtype, isinstance(op, ops.ArgMin))
    if dtype.is_float:
        number = low.compare(ops.Eq, x, x)
        x = low.add(ops.Select, condition=number, a=x, b=low.full(worst, dtype, count))
        index = low.add(ops.Select, condition=number, a=index, b=low.full(i32.max, i32, count))
    better = ops.Lt if isinstance(op, ops.ArgMin) else ops.Gt

    def combine(low: Lowering, a: list[Value], b: list[Value]) -> list[Value]:
        wins = low.compare(better, b[0], a[0])
        earlier = low.all(low.compare(ops.Eq, b[0], a[0]), low.compare(ops.Lt, b[1], a[1]))
        assert earlier is not None
        takes = low.both(ops.Or, wins, earlier)
        return [low.add(ops.Select, condition=takes, a=y, b=x) for x, y in zip(a, b, strict=True)]

    _, found = reduced(low, [x, index], [worst, i32.max], at, shape_of(op.x), op.axis, combine)
    nothing = low.compare(ops.Eq, found, low.number(i32.max))
    found = low.add(ops.Select, condition=nothing, a=low.full(0, i32, size(found)), b=found)
    return [found if isinstance(op.result.type, Tile) else low.add(threads.Register, x=found, at=0)]


@lower.rule(ops.Sort)
def _(op: ops.Sort, low: Lowering) -> Sequence[Value]:
    """By a network; in short lines every element counts those that come before it: that is its place."""
    if network.fits(low, op):
        regions = network.network(low, op, lambda a, b: before(low, a, b, op.descending))
        return [tile_of(low, region, region.memory, value) for region, value in zip(regions, op.results, strict=True)]
    length = shape_of(op.x)[op.axis]
    lines = Lines(low, Cut(shape_of(op.x), op.axis), False, op.results)
    at, x = low.places(op.x), low[op.x]
    beyond = (
        int(shared.offsets_of(at, lines.cut.memory).max()) + length
    )  # what lies beyond the tile is compared as well
    region = lines.put(op.x, beyond)
    own = low.plus(low.index(at, op.axis), low.numbers(at.registers[op.axis]))
    assert own is not None
    start = shared.spoken(low, at, lines.cut.memory, shared.offsets_of(at, lines.cut.memory))
    start = low.both(ops.Sub, start, own)
    rank = counted(low, op, region, x, own, start, length)
    once = low.first_copy(at)
    inside = low.within(at, shape_of(op.x), range(at.layout.registers))
    if inside is not None:  # what lies beyond the tile has no rank
        rank = low.add(ops.Select, condition=low.splat(inside, size(rank)), a=rank, b=low.full(length, i32, size(rank)))
    mask = None if once is None else low.splat(once, size(rank))
    if inside is not None or op.count < length:
        mask = low.all(mask, low.compare(ops.Lt, rank, low.number(op.count)))
    found = []
    for value, result in zip((x, own), op.results, strict=True):
        unit = unit_of(dtype_of(value))
        sorted_ = shared.buffer(low, lines.cut.memory, unit, lines.reach, result.hint)
        place = low.both(ops.Add, start, rank)
        low.do(threads.SharedStore, buffer=sorted_.buffer, value=coded(low, value, unit), offsets=place, mask=mask)
        found.append(lines.result(sorted_, result))
    return found


def counted(
    low: Lowering, op: ops.Sort, region: shared.Region, x: Value, own: Value, start: Value, length: int
) -> Value:
    """For each element how many of its line come before it."""
    index, rank = Value(Scalar(i32), "j"), Value(own.type, "rank")
    with low.builder.collect() as made:
        place = low.both(ops.Add, start, index)
        other = decoded(low, low.add(threads.SharedLoad, buffer=region.buffer, offsets=place), dtype_of(op.x))
        first = before(low, other, x, op.descending)
        after = before(low, x, other, op.descending)
        lower = low.compare(ops.Lt, low.splat(index, size(own)), own)
        earlier = low.both(ops.And, low.add(ops.Not, x=after), lower)  # of those that are alike
        goes = low.cast(low.both(ops.Or, first, earlier), i32)
        low.do(ops.Yield, values=(low.both(ops.Add, rank, goes),))
    bounds = [low.number(bound) for bound in (0, length, 1)]
    body = Block((index, rank), tuple(made))
    zero = low.full(0, i32, size(own))
    return low.add(ops.For, lower=bounds[0], upper=bounds[1], step=bounds[2], carried=(zero,), body=body)


def before(low: Lowering, a: Value, b: Value, descending: bool) -> Value:
    """Whether a comes before b: NaN comes last."""
    found = low.compare(ops.Gt if descending else ops.Lt, a, b)
    if not dtype_of(a).is_float:
        return found
    last = low.both(ops.And, low.compare(ops.Ne, b, b), low.compare(ops.Eq, a, a))
    return low.both(ops.Or, found, last)
