"""Software pipelining: what a loop loads, copied to shared memory some trips ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from tilevm.ir import Block, Effect, Func, Op, Value, ops, threads
from tilevm.ir.build import Builder, block
from tilevm.ir.rewrite import Substitution, walk
from tilevm.layout import Layout, LayoutError
from tilevm.layout.convert.roundtrip import copied
from tilevm.layout.convert.scattered import scattered
from tilevm.layout.digits import binary, common_digits
from tilevm.passes.bounds import Facts, extent
from tilevm.passes.fold import known
from tilevm.passes.layouts.products import choices, tile_of
from tilevm.passes.layouts.room import Room, room
from tilevm.passes.threads import matrices, shared
from tilevm.passes.threads.coordinates import places
from tilevm.passes.threads.globals import Box, together, vectors
from tilevm.target import Target
from tilevm.types import Scalar, Tensor, Token, i32

NARROWEST = 4  # bytes that a thread copies at once
PAD = 16  # bytes behind each row of an operand that is read number by number
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


def stage(func: Func, target: Target, warps: int) -> Func:
    """``func`` with the loads of every loop of ``num_stages`` ≥ 2 copied that many trips less one ahead, into rings of
    slots in shared memory, and waited for in the trip that uses them.

    A load goes ahead whose place follows from the loop's index and what the loop does not change, when nothing in the
    loop writes to memory and threads can copy 4 bytes or more at once. Others stay where they are.
    """
    if target.copy("cp.async.ca.shared.global") is None:
        return func
    staging = Staging(func, room(target, warps))
    body = staging.block(func.body)
    return func if body is func.body else replace(func, body=body)


class Staging:
    """The function, being written anew."""

    def __init__(self, func: Func, room_: Room) -> None:
        self.room, self.facts = room_, Facts(func)
        self.users: dict[Value, list[Op]] = {}
        for op in walk(func.body):
            for value in op.operands:
                self.users.setdefault(value, []).append(op)
        self.now = Substitution()

    def block(self, old: Block) -> Block:
        builder = Builder()
        for op in old.ops:
            regions = [self.block(inner) for inner in op.regions]
            plans = self.plans(op) if isinstance(op, ops.For) and op.num_stages > 1 else []
            current = self.now.apply(op, regions)
            if plans:
                assert isinstance(current, ops.For)
                with builder.at(op.span):
                    made = pipelined(builder, current, plans, self.now)
                self.now.bind(op.results, made)
                self.now.bind(current.results, made)
            else:
                builder.append(current)
        made_block = builder.finish(old.params)
        same = len(made_block.ops) == len(old.ops) and all(a is b for a, b in zip(made_block.ops, old.ops, strict=True))
        return old if same else made_block

    def plans(self, loop: ops.For) -> list[Plan]:
        """The loads that go ahead."""
        step = known(loop.step)
        if not isinstance(step, int) or step < 1 or any(writes(op) for op in walk(loop.body)):
            return []
        found = []
        for op in loop.body.ops:
            if isinstance(op, ops.Load) and foreseen(op, loop) and (op.other is None or known(op.other) == 0):
                plan = self.plan(op, loop)
                if plan is not None:
                    found.append(plan)
        return found

    def plan(self, load: ops.Load, loop: ops.For) -> Plan | None:
        """How a load can go ahead; None where threads cannot copy it."""
        own, bits = layout_of(load.result), tile_of(load.result).dtype.bits
        at = places(own)
        kind = load.tensor.type
        assert isinstance(kind, Tensor)
        if bits not in (8, 16, 32, 64) or kind.packed or kind.dtype.is_bool or at.copies or at.exceeds(load.shape):
            return None
        use, box = self.use(load), Box(load.tensor, load.offsets, load.inbounds, load.shape, at)
        groups = vectors(self.facts, box)
        if self.by_numbers(load):
            memory = shared.row_major(load.shape, load.shape[-1] + PAD * 8 // bits)
        else:
            fast = next((d for d, stride in enumerate(kind.strides) if stride == 1), 0)
            reading = matrices.reading(self.room, use.wanted, bits, fast) or use.wanted
            memory = memory_for(own, reading, bits, self.room, load.shape, groups.width)
        width = together(groups, shared.offsets_of(at, memory)).width
        return Plan(load, memory, use, self.ends(load, loop)) if width * bits >= NARROWEST * 8 else None

    def ends(self, load: ops.Load, loop: ops.For) -> bool:
        """Whether what a load would take at the loop's end or further lies behind the edge of the tensor."""
        index, upper = (self.facts.linear(v) for v in (loop.body.params[0], loop.upper))
        assert isinstance(load.tensor.type, Tensor)
        for dim, offset in enumerate(load.offsets):
            behind = self.facts.low(self.facts.linear(offset) - index)
            over = self.facts.low(upper - extent(load.tensor.type.dims[dim]))
            masked = not (load.inbounds and load.inbounds[dim])
            if masked and behind is not None and behind >= 0 and over is not None and over >= 0:
                return True
        return False

    def use(self, load: ops.Load) -> Use:
        """As its only user asks for, perhaps by way of others that only look at it otherwise; else as the load had
        it."""
        views: list[View] = []
        user = self.only_user(load.result)
        while isinstance(user, View):
            views.append(user)
            user = self.only_user(user.result)
        found = before(views, user) if isinstance(user, ops.Convert) else None
        return found or Use(layout_of(load.result))

    def only_user(self, value: Value) -> Op | None:
        users = self.users.get(value, [])
        return users[0] if len(users) == 1 else None

    def by_numbers(self, load: ops.Load) -> bool:
        """Whether a load is an operand of a product that reads shared memory."""
        user = self.only_user(load.result)
        if not isinstance(user, ops.Dot):
            return False
        way = choices(user, self.room)[0]
        return way.atom is None and not places(way.c).exceeds(tile_of(user.acc).shape)


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


def foreseen(load: ops.Load, loop: ops.For) -> bool:
    """Whether the place of a load follows from the index alone and what the loop does not change."""
    return all(ahead_of(offset, loop) is not None for offset in load.offsets)


def ahead_of(value: Value, loop: ops.For) -> list[Op] | None:
    """The instructions of the loop that make ``value`` of its index, in order; None where it takes more."""
    inside = {result: op for op in loop.body.ops for result in op.results}
    found: list[Op] = []

    def visit(wanted: Value) -> bool:
        if wanted in loop.body.params:
            return wanted is loop.body.params[0]
        op = inside.get(wanted)
        if op is None or op in found:
            return True
        if op.effect is not Effect.PURE or op.regions or not all(map(visit, op.operands)):
            return False
        found.append(op)
        return True

    return found if visit(value) else None


def memory_for(own: Layout, wanted: Layout, bits: int, room_: Room, shape: tuple[int, ...], width: int) -> Layout:
    """Shared memory into which tiles are copied as ``own``, ``width`` at once, and out of which they are read."""
    digits = common_digits(own, wanted) if own.shape == wanted.shape else None
    if digits is None:
        return scattered(own, wanted, room_.lanes, bits, room_.banks, shape).memory
    return copied(own, wanted, binary(digits), room_.lanes, bits, room_.banks, width).memory


# the loop ----------------------------------------------------------------------------------------------------


def pipelined(builder: Builder, loop: ops.For, plans: Sequence[Plan], now: Substitution) -> list[Value]:
    """The loop, written anew; what it yields."""
    ahead = loop.num_stages - 1
    stages = [stage_for(builder, plan, loop.num_stages) for plan in plans]
    first = builder.constant(0, i32)
    tokens: list[Value] = []
    for trip in range(ahead):
        index = moved(builder, loop.lower, loop.step, trip)
        inside = builder.add(ops.Lt, a=index, b=loop.upper).result
        slot = builder.constant(trip, i32)
        for plan, at in zip(plans, stages, strict=True):
            fetch(builder, loop, plan, at, slot, index, inside, now)
        tokens.append(builder.add(ops.Sent).result)
    carried = (*loop.carried, first, *tokens)
    made = replace(
        loop,
        carried=carried,
        body=body_of(loop, plans, stages, now),
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


def fetch(
    builder: Builder, loop: ops.For, plan: Plan, at: Value, slot: Value, index: Value, when: Value, now: Substitution
) -> None:
    """The copy of what the trip of ``index`` loads."""
    load = plan.load
    own: dict[Value, Value] = {loop.body.params[0]: index}
    for offset in load.offsets:
        for op in ahead_of(now[offset], loop) or ():
            if op.result not in own:
                own[op.result] = builder.append(op.with_parts([own.get(v, v) for v in op.operands], ())).result
    offsets = tuple(own.get(now[offset], now[offset]) for offset in load.offsets)
    with builder.at(load.span):
        builder.add(
            ops.Fetch,
            stage=at,
            slot=slot,
            tensor=now[load.tensor],
            offsets=offsets,
            when=None if plan.ends else when,
            threads=layout_of(load.result),
            inbounds=load.inbounds,
        )


def body_of(loop: ops.For, plans: Sequence[Plan], stages: Sequence[Value], now: Substitution) -> Block:
    """A trip: wait for what it uses, begin the copies of a later one, and go on as before."""
    ahead = loop.num_stages - 1
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
    for plan, at in zip(plans, stages, strict=True):
        fetch(builder, loop, plan, at, behind, further, inside, now)
    new = builder.add(ops.Sent).result
    trip = Trip(builder, now)
    for plan, at in zip(plans, stages, strict=True):
        trip.read(plan, at, slot)
    for op in loop.body.ops[:-1]:
        trip.op(op)
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

    def __init__(self, builder: Builder, now: Substitution) -> None:
        self.builder, self.now, self.inner = builder, now, Substitution()
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
        layout = None if result is None else self.viewed.get(result)
        if result is None or layout is None:
            self.builder.append(self.inner.apply(op))
            return
        viewed = replace(op, layouts=(layout,))
        self.inner[result] = self.builder.append(viewed.with_parts([self.inner[v] for v in op.operands], ())).result
