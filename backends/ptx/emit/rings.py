"""Slots of rings in bytes: what only says which slot is kept as where the slot begins, so that no access multiplies.

Where buffers of several sizes share a ring, a slot counts their greatest common divisor. Sums, not choices, tell the
next slot where they can: they are alike in all threads, and the assembler then computes them once for a warp.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import gcd

from tilevm.ir import Block, Func, Op, Value, ops, threads
from tilevm.types import Scalar, i32

from .elements import Element, Elements, Known, Reg, register
from .elementwise import select
from .integers import add, compare, mul, sub
from .state import State, spell


def pitch(buffer: threads.SharedBuffer) -> int:
    """The bytes of a slot."""
    return buffer.count * buffer.of.numpy_bytes


def units(func: Func) -> Mapping[Value, int]:
    """The values that are slots of buffers and nothing else, each with the bytes that 1 stands for. A constant is a
    number wherever it stands."""
    found = Groups()
    found.block(func.body)
    return found.units()


class Groups:
    """Values that must count alike: those that a ring or a loop makes of each other."""

    def __init__(self) -> None:
        self.parent: dict[Value, Value] = {}
        self.pitches: dict[Value, int] = {}  # of slots of accesses: what divides the sizes of their buffers
        self.others: set[Value] = set()  # numbers that are used or made as such

    def units(self) -> Mapping[Value, int]:
        spoiled = {self.root(v) for v in self.others}
        sizes: dict[Value, int] = {}
        for value, size in self.pitches.items():
            root = self.root(value)
            sizes[root] = gcd(sizes.get(root, 0), size)
        roots = ((value, self.root(value)) for value in self.parent)
        return {value: sizes[root] for value, root in roots if root in sizes and root not in spoiled}

    def root(self, value: Value) -> Value:
        while (above := self.parent.setdefault(value, value)) is not value:
            value = above
        return value

    def tie(self, values: Iterable[Value | None]) -> None:
        tied = [v for v in values if v is not None and not isinstance(v.owner, ops.Constant)]
        for value in tied[1:]:
            self.parent[self.root(value)] = self.root(tied[0])

    def block(self, block: Block, tied: bool = False) -> None:
        """The instructions of a block; ``tied``: what it yields was told of already."""
        for op in block.ops[:-1] if tied else block.ops:
            self.op(op)

    def op(self, op: Op) -> None:
        if isinstance(op, threads.Ring):
            self.tie((op.slot, op.before, op.result))
        elif isinstance(op, ops.For):
            self.loop(op)
        else:
            slot = op.slot if isinstance(op, threads.SharedAccess) else None  # type: ignore[attr-defined]
            if slot is not None:
                made = op.buffer.owner  # type: ignore[attr-defined]
                self.pitches[slot] = gcd(self.pitches.get(slot, 0), pitch(made))
            self.others.update(v for v in op.operands if v is not slot)
            self.others.update(op.results)
            for inner in op.regions:
                self.others.update(inner.params)
                self.block(inner)

    def loop(self, op: ops.For) -> None:
        self.others.update((op.lower, op.upper, op.step, op.body.params[0]))
        for handed in zip(op.carried, op.body.params[1:], op.body.end.operands, op.results, strict=True):
            if handed[0].type == Scalar(i32):
                self.tie(handed)
            else:
                self.others.update(handed)
        self.block(op.body, tied=True)


def kept(s: State, value: Value, like: Value) -> Elements:
    """``value`` as what is kept like ``like`` counts: only constants differ."""
    unit = s.units.get(like)
    if unit is None or value in s.units:
        return s.values[value]
    return (mul(s.t, i32, s.number(value), Known(unit)),)


def begins(s: State, slot: Value, buffer: threads.SharedBuffer) -> Element:
    """The byte of a buffer at which a slot begins."""
    return mul(s.t, i32, s.number(slot), Known(pitch(buffer) // s.units.get(slot, 1)))


@spell.rule(threads.Ring)
def _(op: threads.Ring, s: State) -> Sequence[Elements]:
    unit = s.units.get(op.result, 1)
    (slot,) = kept(s, op.slot, op.result)
    before = None if op.before is None else kept(s, op.before, op.result)[0]
    return [(further(s, slot, op.by, op.slots, unit, before),)]


def further(s: State, slot: Element, by: int, slots: int, unit: int, before: Element | None) -> Element:
    """The slot ``by`` further round, all in units. ``before``: the slot one back, where that is at hand."""
    end = slots * unit
    if isinstance(slot, Known):
        return Known((slot.value + by * unit) % end)
    if by == 0:
        return slot
    if slots == 2:
        return sub(s.t, i32, Known(unit), slot)
    if slots == 3 and by == 1 and before is not None:  # the three add up to 0 + 1 + 2
        return sub(s.t, i32, Known(end), add(s.t, i32, slot, before))
    if by == slots - 1:  # one back: behind 0 comes the largest number, of which the last slot is left
        back = sub(s.t, i32, slot, Known(unit))
        return Reg(s.t.pure("r", "min.u32", register(s.t, back, i32), str(end - unit)))
    on = add(s.t, i32, slot, Known(by * unit))
    around = compare(s.t, i32, "ge", on, Known(end))
    return select(s.t, i32, around, sub(s.t, i32, on, Known(end)), on)
