"""The loop whose loads are copied to shared memory some trips ahead, written anew around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from tilevm.ir import Block, Effect, Op, Value, ops, threads
from tilevm.ir.build import Builder, block
from tilevm.ir.rewrite import Substitution
from tilevm.layout import Layout, LayoutError
from tilevm.layout.convert import Shared, convert
from tilevm.passes.ahead import again, ahead_of, reads
from tilevm.passes.fold import known
from tilevm.passes.layouts.products import tile_of
from tilevm.passes.layouts.room import Room
from tilevm.types import Scalar, Token, i32

View: TypeAlias = ops.Permute | ops.Reshape


@dataclass(frozen=True, eq=False)
class Use:
    """The layout in which a tile is read from shared memory, and what then falls away: the conversion that it went
    through. ``views``: the reshapes and permutations before that one, each with the layout that it gives now."""

    wanted: Layout
    views: tuple[tuple[View, Layout], ...] = ()
    convert: ops.Convert | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """A load that goes ahead, how it lies in shared memory, and how it is read from there."""

    load: ops.Load
    memory: Layout
    use: Use
    ends: bool  # where the loop ends, so does the tensor: copies of trips that are not there are masked anyway


def pipelined(builder: Builder, loop: ops.For, plans: Sequence[Plan], now: Substitution, room_: Room) -> list[Value]:
    """The loop, written anew; what it yields."""
    ahead = loop.num_stages - 1
    copies = Copies(loop, plans, [stage_for(builder, plan, loop.num_stages) for plan in plans], now)
    first = builder.constant(0, i32)
    tokens: list[Value] = []
    for trip in range(ahead):
        index = moved(builder, loop.lower, loop.step, trip)
        inside = builder.add(ops.Lt, a=index, b=loop.upper).result
        slot = builder.constant(trip, i32)
        tokens.append(copies.begin(builder, slot, copies.places(builder, index, inside), inside))
    carried = (*loop.carried, first, *tokens)
    made = replace(
        loop,
        carried=carried,
        body=body_of(copies, room_),
        hints=(*(value.hint for value in loop.results), *("",) * (len(tokens) + 1)),
        layouts=(*(loop.layouts or (None,) * len(loop.results)), *(None,) * (len(tokens) + 1)),
    )
    results = builder.append(made).results
    builder.add(ops.Landed, tokens=results[len(loop.results) + 1 :])  # nothing runs on beyond the loop
    return list(results[: len(loop.results)])


def stage_for(builder: Builder, plan: Plan, slots: int) -> Value:
    load = plan.load
    with builder.at(load.span):
        of = tile_of(load.result).dtype
        made = builder.add(ops.Stage, of=of, shape=load.shape, slots=slots, memory=plan.memory).result
    made.hint = load.tensor.hint
    return made


def moved(builder: Builder, start: Value, step: Value, trips: int) -> Value:
    """``start`` so many steps further."""
    if not trips:
        return start
    assert isinstance(start.type, Scalar)
    far = builder.constant(trips * int(known(step) or 0), start.type.dtype)
    return builder.add(ops.Add, a=start, b=far).result


@dataclass(frozen=True, eq=False)
class Copies:
    """What is copied for each trip of a loop, and where to."""

    loop: ops.For
    plans: Sequence[Plan]
    stages: Sequence[Value]
    now: Substitution

    @property
    def late(self) -> bool:
        """Whether a trip begins copies at its end: their places are read, and threads would wait for those before they
        compute. With two stages there is no trip between to wait in."""
        makers = (ahead_of(self.now[v], self.loop) or () for plan in self.plans for v in plan.load.offsets)
        return self.loop.num_stages > 2 and any(map(reads, makers))

    def places(self, builder: Builder, index: Value, when: Value) -> list[tuple[Value, ...]]:
        """The offsets of each load in the trip of ``index``; what they read is read where ``when`` holds."""
        own = Substitution()
        own[self.loop.body.params[0]] = index
        found = []
        for plan in self.plans:
            for offset in plan.load.offsets:
                again(builder, ahead_of(self.now[offset], self.loop) or (), own, when)
            found.append(tuple(own[self.now[offset]] for offset in plan.load.offsets))
        return found

    def begin(self, builder: Builder, slot: Value, places: Sequence[tuple[Value, ...]], when: Value) -> Value:
        """Begin the copies of a trip; the token of all."""
        for plan, at, offsets in zip(self.plans, self.stages, places, strict=True):
            with builder.at(plan.load.span):
                builder.add(
                    ops.Fetch,
                    stage=at,
                    slot=slot,
                    tensor=self.now[plan.load.tensor],
                    offsets=offsets,
                    when=None if plan.ends else when,
                    threads=layout_of(plan.load.result),
                    inbounds=plan.load.inbounds,
                )
        return builder.add(ops.Sent).result


def body_of(copies: Copies, room_: Room) -> Block:
    """A trip: wait for what it uses, begin the copies of a later one, and go on as before."""
    loop, ahead = copies.loop, copies.loop.num_stages - 1
    index = loop.body.params[0]
    slot = Value(Scalar(i32), "slot")
    tokens = [Value(Token(), "token") for _ in range(ahead)]
    builder = Builder(loop.span)
    builder.add(ops.Landed, tokens=(tokens[0],))
    further = moved(builder, index, loop.step, ahead)
    left = builder.add(ops.Sub, a=loop.upper, b=index).result
    assert isinstance(index.type, Scalar)
    inside = builder.add(
        ops.Gt, a=left, b=builder.constant(ahead * int(known(loop.step) or 0), index.type.dtype)
    ).result
    behind = builder.add(threads.Ring, slot=slot, before=None, by=ahead, slots=loop.num_stages).result
    late = copies.late
    new = None if late else copies.begin(builder, behind, copies.places(builder, further, inside), inside)
    trip = Trip(builder, copies.now, room_)
    for plan, at in zip(copies.plans, copies.stages, strict=True):
        trip.read(plan, at, slot)
    places = copies.places(builder, further, inside) if late else []  # behind the barrier that reading asks for
    for op in loop.body.ops[:-1]:
        trip.op(op)
    new = new or copies.begin(builder, behind, places, inside)
    following = builder.add(threads.Ring, slot=slot, before=None, by=1, slots=loop.num_stages).result
    values = [trip.inner[v] for v in loop.body.end.operands]
    return block(
        (*loop.body.params, slot, *tokens),
        builder.finish().ops,
        (*values, following, *tokens[1:], new),
        loop.body.end.span,
    )


class Trip:
    """The instructions of a trip, with tiles out of shared memory in place of loads."""

    def __init__(self, builder: Builder, now: Substitution, room_: Room) -> None:
        self.builder, self.now, self.inner, self.room = builder, now, Substitution(), room_
        self.gone: set[Value] = set()  # results of instructions that fall away
        self.viewed: dict[Value, Layout] = {}  # of views before a conversion: the layout that they have without it

    def read(self, plan: Plan, at: Value, slot: Value) -> None:
        read = ops.Staged(stage=at, slot=slot, span=plan.load.span, layouts=(plan.use.wanted,))
        result = self.builder.append(read).result
        result.hint = plan.load.result.hint
        self.replace(plan.load.result, result)
        for view, layout in plan.use.views:
            self.viewed[self.now[view.result]] = layout
        if plan.use.convert is not None:
            self.gone.add(self.now[plan.use.convert.result])

    def replace(self, old: Value, new: Value) -> None:
        self.gone.add(self.now[old])
        self.inner[self.now[old]] = new

    def op(self, op: Op) -> None:
        result = op.results[0] if op.results else None
        if result in self.gone:
            if isinstance(op, ops.Convert):
                self.inner[op.result] = self.inner[op.x]
            return
        again = self.read_again(op) if isinstance(op, ops.Convert) else None
        if again is not None and result is not None:
            self.inner[result] = again
            return
        layout = None if result is None else self.viewed.get(result)
        if result is None or layout is None:
            self.builder.append(self.inner.apply(op))
            return
        viewed = replace(op, layouts=(layout,))
        self.inner[result] = self.builder.append(viewed.with_parts([self.inner[v] for v in op.operands], ())).result

    def read_again(self, op: ops.Convert) -> Value | None:
        """A tile that lies in shared memory, read in the layout that a conversion asks for; None where it is in
        registers alone, or goes from lane to lane."""
        value = self.inner[op.x]
        views: list[View] = []
        while isinstance(value.owner, View):
            views.append(value.owner)
            value = value.owner.x
        if not isinstance(value.owner, ops.Staged) or not self.through_memory(op):
            return None
        use = before(views[::-1], op)
        if use is None:
            return None
        made = self.builder.append(replace(value.owner, layouts=(use.wanted,))).result
        made.hint = value.hint
        for view, layout in reversed(use.views):
            viewed = replace(view, layouts=(layout,))
            made = self.builder.append(viewed.with_parts([made], ())).result
        return made

    def through_memory(self, op: ops.Convert) -> bool:
        """Whether a conversion would write the tile to shared memory to read it again."""
        tile, room = tile_of(op.result), self.room
        plan = convert(layout_of(op.x), layout_of(op.result), tile.dtype.bits, room.lanes, room.banks, tile.shape)
        return isinstance(plan, Shared)


def layout_of(value: Value) -> Layout:
    found = tile_of(value).layout
    assert found is not None, "the pass layouts came before"
    return found


def before(views: Sequence[View], convert: ops.Convert) -> Use | None:
    """What gives the layout of a conversion behind some views of a tile; None where no layout does."""
    wanted = layout_of(convert.result)
    given: list[tuple[View, Layout]] = []
    for view in reversed(views):
        given.append((view, wanted))
        try:
            wanted = undone(view, wanted)
        except LayoutError:
            return None
    return Use(wanted, tuple(given), convert)


def undone(view: View, layout: Layout) -> Layout:
    """The layout of a tile of which ``view`` has this one. Raises LayoutError where there is none."""
    if isinstance(view, ops.Reshape):
        return layout.reshape(tile_of(view.x).shape)
    return layout.permute([view.dims.index(dim) for dim in range(len(view.dims))])


def writes(op: Op) -> bool:
    return op.effect is Effect.WRITE and not op.terminator
