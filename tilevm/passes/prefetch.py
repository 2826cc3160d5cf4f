"""Loads of pipelined loops that no machine copies on its own, begun a trip ahead: what they give waits in registers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tilevm.ir import Func, Op, Value, ops
from tilevm.ir.build import Builder, block
from tilevm.ir.rewrite import Substitution, rewrite, walk
from tilevm.layout import Layout
from tilevm.passes.ahead import again, ahead_of, foreseen, reads
from tilevm.passes.fold import known
from tilevm.passes.layouts.products import tile_of
from tilevm.passes.threads.carry import made_in, replaced
from tilevm.passes.trips import layout_of, writes

MOST = 24  # words of a thread that wait in all


@dataclass(frozen=True, eq=False)
class Ahead:
    """A load, the index of its loop, and the instructions of the loop that make the load's place of it."""

    load: ops.Load
    index: Value
    makers: tuple[Op, ...]

    @property
    def words(self) -> int:
        """Words of a thread, each vector of narrow elements in whole ones."""
        return -(-layout_of(self.load.result).registers * tile_of(self.load.result).dtype.bits // 32)

    @property
    def fixed(self) -> tuple[bool, ...]:
        """The dimensions that lie inside whatever the index is."""
        made = {self.index, *(result for op in self.makers for result in op.results)}
        dims = zip(self.load.inbounds, self.load.offsets, strict=False)
        return tuple(proved and offset not in made for proved, offset in dims)


def prefetch(func: Func) -> Func:
    """``func`` with loads begun a trip ahead: in loops of ``num_stages`` ≥ 2, what the pass stage left.

    That is where the loop writes to no memory, the places of a load follow from its index and what it does not change,
    and it is small. Behind the last trip as much is loaded of what the tensor has there.
    """

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        found = loads(op) if isinstance(op, ops.For) and op.num_stages > 1 else []
        return carried(builder, op, found) if isinstance(op, ops.For) and found else None

    return rewrite(func, rule)


def loads(loop: ops.For) -> list[Ahead]:
    """The loads of a loop that can be begun a trip ahead, the first ones that registers are enough for."""
    step = known(loop.step)
    if not isinstance(step, int) or step < 1 or any(writes(op) and not under_way(op) for op in walk(loop.body)):
        return []
    found: list[Ahead] = []
    inside = made_in(loop)
    for op in loop.body.ops:
        if not isinstance(op, ops.Load) or not foreseen(op, loop) or op.other in inside:
            continue
        made = [maker for offset in op.offsets for maker in ahead_of(offset, loop) or ()]
        one = Ahead(op, loop.body.params[0], tuple(dict.fromkeys(made)))
        if sum(other.words for other in (*found, one)) <= MOST:
            found.append(one)
    return found


def under_way(op: Op) -> bool:
    """Whether an instruction is of a loop's copies: they write to no tensor."""
    return isinstance(op, ops.Fetch | ops.Sent | ops.Landed)


def carried(builder: Builder, loop: ops.For, found: Sequence[Ahead]) -> list[Value]:
    """The loop, which carries what these loads give; what it yields."""
    runs, asked, index = trips(loop), any(reads(one.makers) for one in found), loop.body.params[0]
    when = builder.add(ops.Lt, a=loop.lower, b=loop.upper).result if asked else None
    first = [begun(builder, one, loop.lower, one.load.inbounds if runs else one.fixed, when) for one in found]
    waiting = [Value(one.load.result.type, one.load.result.hint) for one in found]
    inner = Builder(loop.span)
    further = inner.add(ops.Add, a=index, b=loop.step).result
    left = inner.add(ops.Sub, a=loop.upper, b=index).result if asked else None
    when = inner.add(ops.Gt, a=left, b=loop.step).result if left is not None else None
    following = [begun(inner, one, further, one.fixed, when) for one in found]
    now = Substitution()
    now.bind([one.load.result for one in found], waiting)
    gone = {one.load for one in found}
    for op in loop.body.ops[:-1]:
        if op not in gone:
            inner.append(replaced(now, op))
    yielded = (*(now[v] for v in loop.body.end.operands), *following)
    layouts: tuple[Layout | None, ...] = tuple(layout_of(one.load.result) for one in found)
    made = replace(
        loop,
        carried=(*loop.carried, *first),
        body=block((*loop.body.params, *waiting), inner.finish().ops, yielded, loop.body.end.span),
        hints=(*(value.hint for value in loop.results), *(value.hint for value in waiting)),
        layouts=(*(loop.layouts or (None,) * len(loop.results)), *layouts),
    )
    return list(builder.append(made).results[: len(loop.results)])


def trips(loop: ops.For) -> bool:
    """Whether the loop is known to run at all."""
    lower, upper = known(loop.lower), known(loop.upper)
    return isinstance(lower, int) and isinstance(upper, int) and lower < upper


def begun(builder: Builder, one: Ahead, index: Value, inbounds: tuple[bool, ...], when: Value | None) -> Value:
    """The load of the trip of ``index``; what its place is read from is read where ``when`` holds."""
    load, own = one.load, Substitution()
    own[one.index] = index
    again(builder, one.makers, own, when)
    made = replace(load, offsets=tuple(own[v] for v in load.offsets), inbounds=inbounds)
    return builder.append(made).result
