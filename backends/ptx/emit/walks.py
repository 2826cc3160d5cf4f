"""Offsets that a loop carries and adds up, kept as the addresses of the first trip and how far the loop is beyond.

How far is alike in all threads, so the assembler keeps it once for a warp, and an address is a sum that nothing has to
outlive. Addresses that are added up themselves are kept twice while an access takes them, or wait until it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tilevm.ir import Op, Value, ops, threads
from tilevm.ir.rewrite import walk
from tilevm.types import Tile, i64

from .addresses import global_address
from .elements import Element, Known, Reg
from .integers import add, mul
from .memory import unit_of
from .state import State

Reaching = threads.GlobalLoad | threads.GlobalStore | threads.AsyncCopy


@dataclass(frozen=True)
class Walk:
    """A parameter of a loop: the memory that it leads into, the bytes of a unit, what each trip adds to every offset;
    ``far``: the register with the bytes that were added so far."""

    memory: Value
    size: int
    by: Element
    far: str

    def enter(self, s: State, given: Value) -> list[Reg]:
        """The addresses of the first trip."""
        return [global_address(s.t, s.bases[self.memory], x, i64, self.size) for x in s.values[given]]

    def bind(self, s: State, param: Value, first: Sequence[Reg]) -> None:
        """The addresses of a trip: from here on ``param`` stands for them."""
        s.values[param] = tuple(Reg(s.t.pure("rd", "add.s64", at.name, self.far), at.plus) for at in first)
        s.walks.add(param)

    def further(self, s: State) -> Element:
        """How far the next trip is."""
        return add(s.t, i64, Reg(self.far), mul(s.t, i64, self.by, Known(self.size)))


def walks(s: State, loop: ops.For) -> Mapping[int, Walk]:
    """What a loop carries that only says where its accesses of one memory lie, by place among all it carries."""
    wanted = [i for i, v in enumerate(loop.carried) if isinstance(v.type, Tile) and v.type.dtype == i64]
    if not wanted:
        return {}
    users: dict[Value, list[Op]] = {}
    for op in walk(loop.body):
        for value in op.operands:
            users.setdefault(value, []).append(op)
    alike: dict[tuple[Element, int], str] = {}
    found = ((i, walked(s, loop, i, users, alike)) for i in wanted)
    return {i: one for i, one in found if one is not None}


def walked(
    s: State, loop: ops.For, place: int, users: Mapping[Value, list[Op]], alike: dict[tuple[Element, int], str]
) -> Walk | None:
    """One of these; ``alike``: the registers of those found before, by what a trip adds."""
    param, after = loop.body.params[place + 1], loop.body.end.operands[place]
    added = after.owner
    if not isinstance(added, ops.Add) or users[after] != [loop.body.end] or loop.results[place] in s.uses:
        return None
    by = added.b if added.a is param else added.a
    if param not in (added.a, added.b) or by is param or len(set(s.values.get(by, ()))) != 1:
        return None
    reached = [op for op in users[param] if op is not added]
    accesses = [op for op in reached if isinstance(op, Reaching) and op.offsets is param]
    ends = {(op.memory, unit_of(op.memory, getattr(op, "of", None))) for op in accesses}
    if len(accesses) != len(reached) or len(ends) != 1 or any(op.operands.count(param) > 1 for op in accesses):
        return None
    ((memory, unit),) = ends
    step, size = s.values[by][0], unit.numpy_bytes
    if (step, size) not in alike:
        alike[step, size] = s.t.fresh("rd")
    return Walk(memory, size, step, alike[step, size])
