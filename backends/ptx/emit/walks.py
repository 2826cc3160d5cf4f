"""Offsets that a loop carries and adds up, kept as the addresses that they lead to.

So a trip adds once to each address, where it would multiply an offset and add it to the beginning of the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tilevm.ir import Op, Value, ops, threads
from tilevm.ir.rewrite import walk
from tilevm.types import Tile, i64

from .addresses import global_address
from .elements import Element, Known, Reg
from .integers import add, mul
from .memory import unit_of
from .state import State

Reaching = threads.GlobalLoad | threads.GlobalStore | threads.AsyncCopy
Step = tuple[str, Element]  # a register, and what it is to hold


@dataclass
class Walk:
    """A parameter of a loop: the memory that it leads into, the bytes of a unit, what each trip adds to every offset.

    ``names``: of each address that differs from others by more than a constant, the register that holds it in the loop.
    """

    memory: Value
    size: int
    by: Element
    names: dict[str, str] = field(default_factory=dict)

    def enter(self, s: State, param: Value, given: Value) -> Iterator[Step]:
        """The registers before the first trip. From here on ``param`` stands for addresses."""
        held = [global_address(s.t, s.bases[self.memory], x, i64, self.size) for x in s.values[given]]
        for at in held:
            if at.name not in self.names:
                self.names[at.name] = s.t.fresh("rd")
                yield self.names[at.name], Reg(at.name)
        s.values[param] = tuple(Reg(self.names[at.name], at.plus) for at in held)
        s.walks.add(param)

    def further(self, s: State) -> Iterator[Step]:
        """The registers in the next trip."""
        for name in self.names.values():
            yield name, add(s.t, i64, Reg(name), mul(s.t, i64, self.by, Known(self.size)))


def walks(s: State, loop: ops.For) -> Mapping[int, Walk]:
    """What a loop carries that only says where its accesses of one memory lie, by place among all it carries."""
    wanted = [i for i, v in enumerate(loop.carried) if isinstance(v.type, Tile) and v.type.dtype == i64]
    if not wanted:
        return {}
    users: dict[Value, list[Op]] = {}
    for op in walk(loop.body):
        for value in op.operands:
            users.setdefault(value, []).append(op)
    found = ((i, walked(s, loop, i, users)) for i in wanted)
    return {i: one for i, one in found if one is not None}


def walked(s: State, loop: ops.For, place: int, users: Mapping[Value, list[Op]]) -> Walk | None:
    param, after = loop.body.params[place + 1], loop.body.end.operands[place]
    step = after.owner
    if not isinstance(step, ops.Add) or users[after] != [loop.body.end] or loop.results[place] in s.uses:
        return None
    by = step.b if step.a is param else step.a
    if param not in (step.a, step.b) or by is param or len(set(s.values.get(by, ()))) != 1:
        return None
    reached = [op for op in users[param] if op is not step]
    accesses = [op for op in reached if isinstance(op, Reaching) and op.offsets is param]
    ends = {(op.memory, unit_of(op.memory, getattr(op, "of", None))) for op in accesses}
    if len(accesses) != len(reached) or len(ends) != 1 or any(op.operands.count(param) > 1 for op in accesses):
        return None
    ((memory, unit),) = ends
    return Walk(memory, unit.numpy_bytes, s.values[by][0])
