"""Software pipelining: what a loop loads, copied to shared memory some trips ahead."""

from __future__ import annotations

from dataclasses import replace

from tilevm.ir import Block, Func, Op, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import Substitution, walk
from tilevm.layout import Layout
from tilevm.layout.convert.roundtrip import copied
from tilevm.layout.convert.scattered import scattered
from tilevm.layout.digits import binary, common_digits
from tilevm.passes.ahead import foreseen
from tilevm.passes.bounds import Facts, extent
from tilevm.passes.fold import known
from tilevm.passes.layouts.products import choices, tile_of
from tilevm.passes.layouts.room import Room, room
from tilevm.passes.threads import matrices, shared
from tilevm.passes.threads.coordinates import places
from tilevm.passes.threads.globals import Box, together, vectors
from tilevm.passes.trips import Plan, Use, View, before, layout_of, pipelined, writes
from tilevm.target import Target
from tilevm.types import DType, Scalar, Tensor

NARROWEST = 4  # bytes that a thread copies at once
PAD = 16  # bytes behind each row of an operand that is read number by number


def stage(func: Func, target: Target, warps: int) -> Func:
    """``func`` with the loads of every loop of ``num_stages`` ≥ 2 copied that many trips less one ahead, into rings of
    slots in shared memory, and waited for in the trip that uses them.

    A load goes ahead whose place follows from the loop's index, what the loop does not change, and numbers read at such
    places, as those of pages are, when nothing in the loop writes to memory and threads can copy 4 bytes or more at
    once. Others stay where they are.
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
                    made = pipelined(builder, current, plans, self.now, self.room)
                self.now.bind(op.results, made)
                self.now.bind(current.results, made)
            else:
                builder.append(current)
        return old.with_ops(builder.finish().ops)

    def plans(self, loop: ops.For) -> list[Plan]:
        """The loads that go ahead."""
        step = known(loop.step)
        if not isinstance(step, int) or step < 1 or any(writes(op) for op in walk(loop.body)):
            return []
        if step * (loop.num_stages - 1) > index_type(loop).max:  # no index is so far ahead
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
            wanted = (self.for_product(load) or use).wanted
            reading = matrices.reading(self.room, wanted, bits, fast) or wanted
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

    def for_product(self, load: ops.Load) -> Use | None:
        """The layout in which a product takes a load that others take too; None where none does."""
        left: list[tuple[Value, tuple[View, ...]]] = [(load.result, ())]
        while left:
            value, views = left.pop()
            for user in self.users.get(value, []):
                if isinstance(user, View):
                    left.append((user.result, (*views, user)))
                elif isinstance(user, ops.Convert) and self.reaches_product(user.result):
                    found = before(views, user)
                    if found is not None:
                        return found
        return None

    def reaches_product(self, value: Value) -> bool:
        user = self.only_user(value)
        while isinstance(user, View):
            user = self.only_user(user.result)
        return isinstance(user, ops.Dot)

    def only_user(self, value: Value) -> Op | None:
        users = self.users.get(value, [])
        return users[0] if len(users) == 1 else None

    def by_numbers(self, load: ops.Load) -> bool:
        """Whether a load is an operand of a product that reads shared memory, and perhaps of others."""
        products = [user for user in self.users.get(load.result, []) if isinstance(user, ops.Dot)]
        ways = [(user, choices(user, self.room)[0]) for user in products]
        return any(way.atom is None and not places(way.c).exceeds(tile_of(user.acc).shape) for user, way in ways)


def index_type(loop: ops.For) -> DType:
    index = loop.body.params[0].type
    assert isinstance(index, Scalar)
    return index.dtype


def memory_for(own: Layout, wanted: Layout, bits: int, room_: Room, shape: tuple[int, ...], width: int) -> Layout:
    """Shared memory into which tiles are copied as ``own``, ``width`` at once, and out of which they are read."""
    digits = common_digits(own, wanted) if own.shape == wanted.shape else None
    if digits is None:
        return scattered(own, wanted, room_.lanes, bits, room_.banks, shape).memory
    return copied(own, wanted, binary(digits), room_.lanes, bits, room_.banks, width).memory
